#include "supervisor/version.h"

const char version[] = UDP46_VERSION;
const char version_commit[] = UDP46_COMMIT;
const char version_date[] = UDP46_DATE;
