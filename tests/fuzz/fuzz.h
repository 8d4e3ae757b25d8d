/* fuzz.h: what every tests/fuzz/fuzz_<what>.c defines.
 *
 * The same file is a libFuzzer target (./dev fuzz) and, with run_corpus.c in place
 * of libFuzzer, a test over tests/fuzz/corpus/<what>/.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Must come through any input without a crash; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
