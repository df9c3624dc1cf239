/* leap: the program with a clock that the test can set, so that nobody has to
 * wait for what happens after a while: SIGUSR1 moves the server's clock on by
 * 20 seconds, SIGUSR2 by an hour. The store's own clock is left alone. */
#define store_now store_time_of_day
#include "../store.c"
#undef store_now

#include <signal.h>

int64_t store_now(void);

static volatile sig_atomic_t leapt;

static void leap(int number)
{
	leapt += number == SIGUSR1 ? 20 : 3600;
}

int64_t store_now(void)
{
	static bool ready;
	struct sigaction on = { .sa_handler = leap };
	if (!ready) {
		sigemptyset(&on.sa_mask);
		sigaction(SIGUSR1, &on, NULL);
		sigaction(SIGUSR2, &on, NULL);
		ready = true;
	}
	return store_time_of_day() + (int64_t)leapt * 1000;
}
