#ifndef COMMON_LANDLOCK_H
#define COMMON_LANDLOCK_H

/* What a process may still reach by path. */
enum landlock_access {
	LANDLOCK_NOTHING,
	LANDLOCK_READ, /* read files and folders */
};

/* The kernel's Landlock ABI version, 0 where it has none.  See landlock(7). */
int landlock_abi(void);

/*
 * Restrict this process: no path but as `access` says, no TCP port (unless reading is
 * allowed: look-ups need the network), and no signal or abstract socket of any process
 * outside, each as far as the ABI `abi` (at least 1) knows it.  Needs no_new_privs.
 * Returns 0, or -1 with errno.
 */
int landlock_restrict(int abi, enum landlock_access access);

#endif
