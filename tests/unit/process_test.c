#include <sys/wait.h>
#include <sys/resource.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/metrics/process.h"
#include "tests/unit/unit.h"

#define STAT(name)                                                                      \
	"4711 (" name ") S 1 4711 4711 0 -1 4194560 900 0 3 0 250 150 7 8 20 0 1 0 99 " \
	"16777216 321 18446744073709551615 1 1 0 0 0 0 0 4096 81920 0 0 0 17 0 0 0\n"

CASE(parse)
{
	const char *const names[] = { STAT("udp46"), STAT("udp46: relay"),
		STAT("x) R 1 (2) 3") };
	struct process p;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		process_init(&p);
		ATF_REQUIRE_EQ(process_parse(&p, names[i], 2 * SECOND), 0);
		ATF_CHECK_EQ(p.cpu, (uint64_t)(6 * SECOND));
		ATF_CHECK_EQ(p.virtual, 16777216);
		ATF_CHECK_EQ(p.resident, 321 * (uint64_t)sysconf(_SC_PAGESIZE));
	}
}

CASE(nonsense)
{
	const char *const lines[] = { "", "1", "1 (x", "1 (x)", "1 (x) S 1 2 3\n", ")))" };
	struct process p;
	size_t i;

	process_init(&p);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ATF_CHECK_EQ_MSG(process_parse(&p, lines[i], 0), -1, "%s", lines[i]);
	ATF_CHECK_EQ(p.cpu, 0);
}

/* A successor has not used anything yet, and what is said of its predecessor comes later. */
CASE(never_less)
{
	struct process p;

	process_init(&p);
	ATF_REQUIRE_EQ(process_parse(&p, STAT("x"), 2 * SECOND), 0);
	process_read(&p, 2 * SECOND);
	ATF_CHECK_EQ(p.cpu, (uint64_t)(6 * SECOND));
	ATF_CHECK_EQ(p.resident, 0);
	process_read(&p, 7 * SECOND);
	ATF_CHECK_EQ(p.cpu, (uint64_t)(7 * SECOND));
}

static int64_t
used(void)
{
	struct rusage ru;

	ATF_REQUIRE_EQ(getrusage(RUSAGE_SELF, &ru), 0);
	return ((ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * SECOND +
	    (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * MICROSECOND);
}

CASE(own)
{
	struct process p;
	int64_t before;

	process_init(&p);
	process_replace(&p, process_open(getpid()));
	ATF_REQUIRE(p.stat != -1);
	while (used() < 200 * MILLISECOND)
		;
	before = used();
	process_read(&p, 0);
	/* User and system time are told in hundredths of a second, each. */
	ATF_CHECK((int64_t)p.cpu > before - 50 * MILLISECOND);
	ATF_CHECK((int64_t)p.cpu <= used() + 50 * MILLISECOND);
	ATF_CHECK(p.resident > 100000);
	ATF_CHECK(p.virtual > p.resident);
	/* Again, from the same descriptor. */
	while (used() < before + 200 * MILLISECOND)
		;
	process_read(&p, 0);
	ATF_CHECK((int64_t)p.cpu > before + 100 * MILLISECOND);
}

CASE(ended)
{
	struct process p;
	pid_t pid;

	process_init(&p);
	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	process_replace(&p, process_open(pid));
	p.descriptors = 5;
	process_read(&p, 0);
	ATF_CHECK(p.virtual > 0);
	ATF_CHECK_EQ(p.descriptors, 5);
	ATF_REQUIRE_EQ(kill(pid, SIGKILL), 0);
	ATF_REQUIRE_EQ(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
	process_read(&p, 0);
	ATF_CHECK_EQ(p.resident, 0);
	ATF_CHECK_EQ(p.descriptors, 0);
	ATF_REQUIRE_EQ(waitpid(pid, NULL, 0), pid);
	process_read(&p, SECOND);
	ATF_CHECK_EQ(p.stat, -1);
	ATF_CHECK_EQ(p.cpu, (uint64_t)SECOND);
}

CASE(descriptors)
{
	uint32_t before = process_count_descriptors(UINT32_MAX);
	int a, b;

	ATF_REQUIRE(before > 0);
	ATF_REQUIRE((a = open("/dev/null", O_RDONLY)) != -1);
	ATF_REQUIRE((b = dup(a)) != -1);
	ATF_CHECK_EQ(process_count_descriptors(UINT32_MAX), before + 2);
	close(a);
	ATF_CHECK_EQ(process_count_descriptors(UINT32_MAX), before + 1);
	close(b);
	ATF_CHECK_EQ(process_count_descriptors(0), 0);
	/* Less than was asked for. */
	ATF_REQUIRE_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 32, 32 }), 0);
	ATF_CHECK_EQ(process_count_descriptors(UINT32_MAX), before);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, parse);
	ATF_TP_ADD_TC(tp, nonsense);
	ATF_TP_ADD_TC(tp, never_less);
	ATF_TP_ADD_TC(tp, own);
	ATF_TP_ADD_TC(tp, ended);
	ATF_TP_ADD_TC(tp, descriptors);
	return (atf_no_error());
}
