#include "supervisor/offload.h"
#include "tests/unit/unit.h"

CASE(kernels)
{
	static const char *const broken[] = { "7.0.0-rc1", "7.0-rc1", "7.0.0", "7.0.12-amd64",
		"7.1.0-rc3", "7.1.0", "7.1.4", "7.1.4-1-cloud-arm64" };
	static const char *const fine[] = { "6.18.44", "6.99.0", "7.1.5", "7.1.12", "7.2.0-rc1",
		"7.10.0", "8.0.0", "5.10.0-30-amd64", "70.0.1", "", "unknown" };
	size_t i;

	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		ATF_CHECK_MSG(offload_is_broken(broken[i]), "%s", broken[i]);
	for (i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		ATF_CHECK_MSG(!offload_is_broken(fine[i]), "%s", fine[i]);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, kernels);
	return (atf_no_error());
}
