#include "relay/siphash.h"
#include "tests/unit/unit.h"

/* From the reference implementation: key 00..0f, input 00, 00 01, 00 01 02, ... */
static const uint64_t vectors[] = {
	UINT64_C(0x726fdb47dd0e0e31),
	UINT64_C(0x74f839c593dc67fd),
	UINT64_C(0x0d6c8009d9a94f5a),
	UINT64_C(0x85676696d7fb7e2d),
	UINT64_C(0xcf2794e0277187b7),
	UINT64_C(0x18765564cd99a68d),
	UINT64_C(0xcbc9466e58fee3ce),
	UINT64_C(0xab0200f58b01d137),
	UINT64_C(0x93f5f5799a932462),
};

CASE(reference)
{
	const uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
	unsigned char input[16];
	size_t i;

	for (i = 0; i < sizeof(input); i++)
		input[i] = (unsigned char)i;
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		ATF_CHECK_EQ_MSG(siphash(key, input, i), vectors[i], "%zu bytes", i);
	ATF_CHECK_EQ(siphash(key, input, 15), UINT64_C(0xa129ca6149be45e5));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, reference);
	return (atf_no_error());
}
