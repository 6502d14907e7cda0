#include <sys/socket.h>
#include <netinet/in.h>
#include <string.h>

#include "supervisor/port_owner.h"
#include "tests/unit/unit.h"

/* As the kernel writes them, for 192.0.2.1 on a little-endian machine. */
#define ROW(local, state)                           \
	"  12: " local ":1388 00000000:0000 " state \
	" 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 0\n"
#define ADDRESS "010200C0"
#define OTHER "020200C0"
#define ANY "00000000"
#define ANY6 "00000000000000000000000000000000"
#define MAPPED "0000000000000000FFFF0000" ADDRESS
#define ADDRESS6 "B80D0120000000000000000001000000"

CASE(rows)
{
	static const struct {
		const char *line;
		int type;
		const char *address;
		int is_in_the_way;
	} cases[] = {
		{ ROW(ADDRESS, "07"), SOCK_DGRAM, ADDRESS, 1 },
		{ ROW(OTHER, "07"), SOCK_DGRAM, ADDRESS, 0 },
		{ ROW(ANY, "07"), SOCK_DGRAM, ADDRESS, 1 },
		{ ROW(ANY6, "07"), SOCK_DGRAM, ADDRESS, 1 },
		{ ROW(MAPPED, "07"), SOCK_DGRAM, ADDRESS, 1 },
		{ ROW(MAPPED, "07"), SOCK_DGRAM, OTHER, 0 },
		{ ROW(ADDRESS6, "07"), SOCK_DGRAM, ADDRESS, 0 },
		{ ROW(ADDRESS6, "07"), SOCK_DGRAM, ADDRESS6, 1 },
		{ ROW(ADDRESS, "07"), SOCK_DGRAM, ANY, 1 },
		/* One that is connected has its port as well; a connection has none to listen on. */
		{ ROW(ADDRESS, "01"), SOCK_DGRAM, ADDRESS, 1 },
		{ ROW(ADDRESS, "01"), SOCK_STREAM, ADDRESS, 0 },
		{ ROW(ADDRESS, "0A"), SOCK_STREAM, ADDRESS, 1 },
		{ "  sl  local_address rem_address   st tx_queue rx_queue", SOCK_DGRAM, ANY,
		    0 },
		{ "", SOCK_DGRAM, ANY, 0 },
		{ "  12: 010200C0:1388", SOCK_DGRAM, ANY, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ATF_CHECK_EQ_MSG(
		    port_owner_inode(cases[i].line, cases[i].type, cases[i].address, 5000),
		    cases[i].is_in_the_way ? 4711 : 0, "%zu: %s", i, cases[i].line);
		ATF_CHECK_EQ(
		    port_owner_inode(cases[i].line, cases[i].type, cases[i].address, 5001), 0);
	}
}

CASE(words)
{
	struct port_owner owner = { .pid = 46, .name = "a\033b\xc3" };
	char name[PORT_OWNER_NAME], remedy[PORT_OWNER_REMEDY];

	ATF_CHECK_STREQ(port_owner_format(&owner, name), "a?b?, pid 46");
	ATF_CHECK(!port_owner_may_be_ours(&owner));
	strcpy(owner.name, "udp46");
	ATF_CHECK(port_owner_may_be_ours(&owner));
	owner = (struct port_owner){ .pid = 1, .name = "systemd" };
	ATF_CHECK(port_owner_may_be_ours(&owner));
	owner = (struct port_owner){ .is_hidden = 1 };
	ATF_CHECK(port_owner_may_be_ours(&owner));
	ATF_CHECK(strstr(port_owner_remedy(&owner, remedy), "ss -lnp") != NULL);
	owner.is_hidden = 0;
	ATF_CHECK(!port_owner_may_be_ours(&owner));
	ATF_CHECK(strstr(port_owner_remedy(&owner, remedy), "wg show") != NULL);
	ATF_CHECK(strlen(remedy) < PORT_OWNER_REMEDY - 1);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, rows);
	ATF_TP_ADD_TC(tp, words);
	return (atf_no_error());
}
