/* heap.h: how many bytes of the heap are in use, to the byte: free chunks that the C library keeps
 * at hand for its thread count as in use in its own figures. */
#ifndef TESTS_SIMULATE_HEAP_H
#define TESTS_SIMULATE_HEAP_H

#include <stddef.h>

size_t heap_in_use(void); /* 0 where a sanitizer has the heap, which looks for leaks itself */

#endif
