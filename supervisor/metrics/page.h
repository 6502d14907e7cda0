#ifndef METRICS_PAGE_H
#define METRICS_PAGE_H

/* The status page, page.html, as it is in the binary. */
extern const char page_start[], page_end[];

#endif
