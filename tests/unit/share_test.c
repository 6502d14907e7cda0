#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "relay/queue.h"
#include "relay/reserve.h"
#include "relay/share.h"
#include "tests/unit/unit.h"

#define BUFFER 100000
#define SESSIONS 64

static struct share share;
static struct queue queue, *const waiting = &queue;

static struct account *
begin(uint32_t outstanding)
{
	struct account *accounts = reserve(SESSIONS, sizeof(struct account));

	ATF_REQUIRE(accounts != NULL);
	share_init(&share, accounts);
	ATF_CHECK(share_is_due(&share));
	share_look(&share, BUFFER, outstanding, 0);
	return (accounts);
}

/* So many bytes are sent to a session, of which so many stay behind. */
static void
sends(uint32_t session, uint32_t bytes, uint32_t stuck)
{
	struct share_sent sent = { session, bytes };

	share_settle(&share, &sent, 1, share.outstanding + stuck);
}

CASE(quiet)
{
	struct account *a = begin(0);

	ATF_CHECK(!share.is_short && !share_is_due(&share));
	share.unseen += BUFFER / 8 - 1;
	ATF_CHECK(!share_is_due(&share));
	share.unseen++;
	ATF_CHECK(share_is_due(&share));
	share_look(&share, BUFFER, BUFFER / 8, 0);
	ATF_CHECK(!share.is_short && !share_is_due(&share));
	ATF_CHECK_EQ(share.members, 0);
	/* A little more, until it is much less, and nobody waits. */
	share_look(&share, BUFFER, BUFFER / 8 + 1, 0);
	ATF_CHECK(share.is_short);
	sends(1, 10000, 10000);
	ATF_CHECK_EQ(a[1].charge, 10000);
	a[1].queue = waiting;
	share_look(&share, BUFFER, 0, 0);
	ATF_CHECK(share.is_short);
	a[1].queue = NULL;
	share_look(&share, BUFFER, 0, 0);
	ATF_CHECK(!share.is_short && share.members == 0);
	ATF_CHECK_EQ(a[1].charge, 0);
}

/* Who sent the most is to blame; the others' have passed, and what they had before. */
CASE(blame)
{
	struct account *a = begin(20000);
	struct share_sent sent[] = { { 1, 2000 }, { 2, 1500 }, { 3, 9000 }, { 2, 1500 } };

	sends(1, 2000, 2000);
	sends(2, 2000, 2000);
	ATF_CHECK(a[1].charge == 2000 && a[2].charge == 2000 && a[2].is_slow);
	share_settle(&share, sent, 4, share.outstanding + 10000);
	ATF_CHECK_EQ(a[3].charge, 9000);
	ATF_CHECK_EQ(a[2].charge, 3000);
	ATF_CHECK(a[1].charge == 0 && !a[1].is_slow);
	ATF_CHECK(a[2].is_slow && a[3].is_slow);
}

/* What has passed is credited to those who do not wait, then to the others in turn. */
CASE(credit)
{
	struct account *a = begin(20000);

	sends(1, 4000, 4000);
	sends(2, 4000, 4000);
	sends(3, 1000, 1000);
	a[1].queue = a[2].queue = waiting;
	share_look(&share, BUFFER, share.outstanding - 2000, 1);
	/* That its last passed at once is not known by that. */
	ATF_CHECK(a[3].charge == 0 && a[3].is_slow);
	ATF_CHECK_EQ(a[1].charge, 3000);
	share_look(&share, BUFFER, share.outstanding - 1000, 1);
	ATF_CHECK(a[1].charge == 3000 && a[2].charge == 3000);
	ATF_CHECK_EQ(share.members, 2);
	/* A little is not worth looking through all, unless it must be. */
	share_look(&share, BUFFER, share.outstanding - 500, 0);
	ATF_CHECK(a[1].charge == 3000 && a[2].charge == 3000);
	share_look(&share, BUFFER, share.outstanding - 500, 1);
	ATF_CHECK_EQ(a[1].charge + a[2].charge, 5000);
}

/* However many there are that take what they may, room is left for those who have nothing. */
CASE(heavy)
{
	struct account *a = begin(13000);
	uint32_t i, turn, least = BUFFER, most = 0;

	for (turn = 0; turn < 100; turn++)
		for (i = 0; i < 10; i++)
			if (share_admits(&share, i, 1500))
				sends(i, 1500, 1500);
	for (i = 0; i < 10; i++) {
		if (a[i].charge < least)
			least = a[i].charge;
		if (a[i].charge > most)
			most = a[i].charge;
	}
	printf("outstanding=%u least=%u most=%u\n", share.outstanding, least, most);
	ATF_CHECK(share.outstanding <= BUFFER / 4 * 3);
	ATF_CHECK(least >= 4500 && most - least <= 1500);
	/* A newcomer is served, and one that is slow has to wait. */
	ATF_CHECK(share_admits(&share, 20, 3000));
	ATF_CHECK(!share_admits(&share, 0, 3000));
	/* What has passed at once makes room for more. */
	sends(0, 1000, 0);
	ATF_CHECK_EQ(a[0].charge, 0);
	ATF_CHECK(share_admits(&share, 0, 3000));
}

/* Part of a train, as its share goes; one datagram, then more, if nothing is known against it. */
CASE(portion)
{
	struct account *a = begin(60000);

	ATF_CHECK_EQ(share_portion(&share, 1, 10000, 1000, 1), 6000);
	ATF_CHECK_EQ(share_portion(&share, 1, 5000, 1000, 1), 5000);
	share_look(&share, BUFFER, 80000, 0);
	ATF_CHECK_EQ(share_portion(&share, 1, 10000, 1000, 1), 1000);
	ATF_CHECK_EQ(share_portion(&share, 1, 10000, 1000, 4), 4000);
	ATF_CHECK_EQ(share_portion(&share, 1, 2500, 1000, 4), 2500);
	ATF_CHECK_EQ(share_portion(&share, 1, 0, 0, 4), 0);
	ATF_CHECK_EQ(share_portion(&share, 1, 9000, 0, 1), 9000);
	sends(1, 1000, 1000);
	ATF_CHECK_EQ(share_portion(&share, 1, 10000, 1000, 1), -1);
	/* With nothing outstanding, there is nobody whom it could hurt. */
	a[1].queue = waiting;
	share_look(&share, 2000, 0, 0);
	a[1].is_slow = 1;
	ATF_CHECK_EQ(share_portion(&share, 1, 10000, 1000, 1), 1000);
}

/* Whoever waits without room is probed, ever more rarely, and believed if it passes. */
CASE(probe)
{
	struct account *a = begin(0);
	int64_t now = SECOND;
	uint32_t i, probes = 0;

	share_look(&share, BUFFER, 60000, 0);
	for (i = 1; i < 4; i++) {
		sends(i, 5000, 5000);
		a[i].queue = waiting;
	}
	ATF_CHECK_EQ(share_portion(&share, 1, 1400, 0, 1), -1);
	queue = (struct queue){ .units = 1 };
	for (i = 0; i < 4000; i++)
		probes += (uint32_t)share_probe(&share, 1, 1400, now + i * MILLISECOND);
	printf("probes=%u in 4 s\n", probes);
	ATF_CHECK(probes >= 8 && probes <= 12);
	/* What stays behind is charged, and another never gets what is left of the buffer. */
	ATF_CHECK_EQ(share_probe(&share, 1, 10000, now + 100 * SECOND), 0);
	sends(1, 1000, 1000);
	ATF_CHECK_EQ(a[1].charge, 6000);
	ATF_CHECK(!share_probe(&share, 1, 100, now + 4 * SECOND));
	/* What passes clears it, it may be probed at once, and credit goes to it first. */
	sends(1, 1000, 0);
	ATF_CHECK(a[1].charge == 0 && !a[1].is_slow);
	ATF_CHECK(share_probe(&share, 1, 100, now + 4 * SECOND));
	sends(1, 1000, 1000);
	share_look(&share, BUFFER, share.outstanding - 900, 1);
	ATF_CHECK(a[1].charge == 100 && a[2].charge == 5000 && a[3].charge == 5000);
}

CASE(leaves)
{
	struct account *a = begin(20000);

	sends(1, 1000, 1000);
	sends(2, 1000, 1000);
	sends(3, 1000, 1000);
	share_leave(&share, 5);
	share_leave(&share, 2);
	ATF_CHECK_EQ(a[2].charge, 0);
	ATF_CHECK_EQ(share.members, 2);
	ATF_CHECK_EQ(share_next(&share), 1);
	ATF_CHECK_EQ(share_next(&share), 3);
	ATF_CHECK_EQ(share_next(&share), 1);
	share_leave(&share, 1);
	share_leave(&share, 3);
	ATF_CHECK_EQ(share.members, 0);
	share_join(&share, 4);
	ATF_CHECK_EQ(share_next(&share), 4);
	ATF_CHECK_EQ(share.members, 0);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, quiet);
	ATF_TP_ADD_TC(tp, blame);
	ATF_TP_ADD_TC(tp, credit);
	ATF_TP_ADD_TC(tp, heavy);
	ATF_TP_ADD_TC(tp, portion);
	ATF_TP_ADD_TC(tp, probe);
	ATF_TP_ADD_TC(tp, leaves);
	return (atf_no_error());
}
