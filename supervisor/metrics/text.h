#ifndef METRICS_TEXT_H
#define METRICS_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Text that grows as it is written. */
struct text {
	char *buf;
	size_t len;
	size_t size;
	int failed; /* memory was short: the text is not whole */
};

void text_printf(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* RFC 3339 in UTC with nanoseconds, of nanoseconds since the epoch. */
void text_time(struct text *text, int64_t ns);

/* A client's or upstream's address: 4 or 16 bytes in network byte order. */
void text_ipv4(struct text *text, uint32_t address);
void text_ipv6(struct text *text, const uint8_t address[16]);

/* Forget what was written, keeping the memory; and free it. */
void text_reset(struct text *text);
void text_free(struct text *text);

#endif
