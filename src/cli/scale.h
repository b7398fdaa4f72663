/* scale.h - numbers as people read them: "950", "12.3k", "1.25M". */
#ifndef CONVOY_CLI_SCALE_H
#define CONVOY_CLI_SCALE_H

enum { SCALE_TEXT_MAX = 16 };

/* scale_text - @value with three digits and a unit, into @out, which is returned. */
const char *scale_text(double value, char out[SCALE_TEXT_MAX]);

#endif
