#include <string.h>

#include "supervisor/resolver.h"
#include "supervisor/upstream.h"
#include "supervisor/visible.h"

void
upstream_resolve(struct options *o, const struct msg_identity *id, int binary)
{
	struct msg_resolved result;
	char text[ENDPOINT_STRLEN];

	if (o->upstream_literal)
		return;
	if (resolve(o->upstream_host, 0, id, binary, &result) == -1)
		refuse(EXIT_REFUSED, "--upstream %s: %s: want a name with an AAAA record",
		    o->upstream, result.ipv4_only ? "has an IPv4 address only" : result.error);
	memcpy(&o->upstream_address.sin6_addr, result.found[0].address,
	    sizeof(o->upstream_address.sin6_addr));
	o->upstream_address.sin6_scope_id = result.found[0].scope;
	log_info("upstream resolved", "upstream=%s address=%s", o->upstream,
	    endpoint_format_ipv6(&o->upstream_address, text));
}
