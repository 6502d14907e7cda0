#ifndef RELAY_SIPHASH_H
#define RELAY_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * SipHash-2-4 of len bytes under a secret key: Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF", 2012.  Nobody without the key can aim at one bucket.
 */
uint64_t siphash(const uint64_t key[2], const void *data, size_t len);

#endif
