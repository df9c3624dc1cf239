/* leap: the program with a clock that the test can set, so that nobody has to
 * wait for what happens after a while: SIGUSR1 moves the server's clocks on by
 * 20 seconds, SIGUSR2 by an hour; SIGHUP sets the clock on the wall back by an
 * hour. The store's own clocks are left alone. */
#define time_now store_time_of_day
#define clock_ms store_tick_of_machine
#include "../../store.c"
#undef time_now
#undef clock_ms

#include <signal.h>

int64_t time_now(void);
int64_t clock_ms(void);

static volatile sig_atomic_t leapt, set_back;

static void leap(int number)
{
	if (number == SIGHUP)
		set_back += 3600;
	else
		leapt += number == SIGUSR1 ? 20 : 3600;
}

static void hear(void)
{
	struct sigaction on = { .sa_handler = leap };
	sigemptyset(&on.sa_mask);
	sigaction(SIGUSR1, &on, NULL);
	sigaction(SIGUSR2, &on, NULL);
	sigaction(SIGHUP, &on, NULL);
}

int64_t time_now(void)
{
	hear();
	return store_time_of_day() + (int64_t)(leapt - set_back) * 1000;
}

int64_t clock_ms(void)
{
	hear();
	return store_tick_of_machine() + (int64_t)leapt * 1000;
}
