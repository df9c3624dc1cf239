/* ago SPAN [FILE...]: prints the time so long ago as the store writes times. With
 * files, it says nothing and makes it the time of their last change. SPAN is a
 * number and s, m, h or d; a negative one is in the future. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

int main(int argc, char **argv)
{
	static const char units[] = "smhd";
	static const long seconds[] = { 1, 60, 3600, 86400 };
	char *unit = argc > 1 ? argv[1] : "", *known = NULL, text[32];
	long n = strtol(unit, &unit, 10);
	if (unit[0] && !unit[1])
		known = strchr(units, unit[0]);
	if (!known) {
		fprintf(stderr, "usage: ago SPAN [FILE...]\n");
		return 2;
	}
	struct timespec times[2];
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= n * seconds[known - units];
	times[1] = times[0];
	if (argc == 2) {
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime(&times[0].tv_sec));
		printf("%s.%03ldZ\n", text, times[0].tv_nsec / 1000000);
	}
	for (int i = 2; i < argc; i++)
		if (utimensat(AT_FDCWD, argv[i], times, 0) < 0) {
			perror(argv[i]);
			return 1;
		}
	return 0;
}
