#include <stdio.h>

#include "common/worker.h"

const char *
worker_name(uint32_t worker, uint32_t workers, char name[WORKER_NAME_MAX])
{
	if (workers == 1)
		snprintf(name, WORKER_NAME_MAX, "relay");
	else
		snprintf(name, WORKER_NAME_MAX, "relay-%u", worker + 1);
	return (name);
}

uint32_t
worker_share(uint32_t total, uint32_t worker, uint32_t workers)
{
	return (total / workers + (worker < total % workers));
}
