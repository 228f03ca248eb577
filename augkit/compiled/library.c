/* What the whole library rests on, and the number by which it is known. */
#include "library.h"

uint64_t augkit_sources(void) { return AUGKIT_SOURCES; }
