/* scale.c - numbers as people read them. */
#include "cli/scale.h"

#include <stdio.h>

const char *scale_text(double value, char out[SCALE_TEXT_MAX])
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P" };
	unsigned unit = 0;

	/* 999.5 would be printed as 1000. */
	while (value >= 999.5 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		value /= 1000;
		unit++;
	}
	if (unit == 0 && value == (double)(long)value)
		snprintf(out, SCALE_TEXT_MAX, "%.0f", value);
	else
		snprintf(out, SCALE_TEXT_MAX, "%.*f%s",
			 value < 9.995	 ? 2
			 : value < 99.95 ? 1
					 : 0,
			 value, units[unit]);
	return out;
}
