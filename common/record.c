#include "common/record.h"

int
record_holds(const struct session_record *record, uint32_t listeners, int64_t now)
{
	return (record->id != 0 && record->client_port != 0 && record->listener < listeners &&
	    record->state < SESSION_CLOSED && record->opened <= now &&
	    record->opened >= now - SESSION_AGE_MOST && record->pad[0] == 0 &&
	    record->pad[1] == 0 && record->pad[2] == 0);
}
