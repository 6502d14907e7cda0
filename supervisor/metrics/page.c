/* The page is taken into the binary as it is: see the directive in gas's manual. */
#include "supervisor/metrics/page.h"

__asm__(".section .rodata\n"
	".global page_start, page_end\n"
	"page_start: .incbin \"supervisor/metrics/page.html\"\n"
	"page_end: .byte 0\n"
	".previous\n");
