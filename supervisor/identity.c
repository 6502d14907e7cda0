#include <sys/stat.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/landlock.h"
#include "supervisor/identity.h"
#include "supervisor/visible.h"

static void __attribute__((noreturn)) refuse_user(const char *flag, const char *name)
{
	/* What goes into a shell must be a name there, too. */
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-")] != '\0' ||
	    name[0] == '-')
		refuse(EXIT_REFUSED, "%s %s: no such user: name another", flag, name);
	refuse(EXIT_REFUSED,
	    "%s %s: no such user: create it with 'useradd --system --user-group --no-create-home "
	    "--shell /usr/sbin/nologin %s', or name another",
	    flag, name, name);
}

/* Set uid and gid: the user whom `flag` named, if we are root; else ourselves. */
static void
find_user(const char *flag, const char *name, struct msg_identity *id)
{
	const struct passwd *pw;

	id->uid = getuid();
	id->gid = getgid();
	if (geteuid() != 0)
		return;
	if ((pw = getpwnam(name)) == NULL)
		refuse_user(flag, name);
	if (pw->pw_uid == 0 || pw->pw_gid == 0)
		refuse(EXIT_REFUSED, "%s %s: is root: name an unprivileged user", flag, name);
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	id->change_user = 1;
}

/* Returns NULL, or what is wrong with the directory. */
static const char *
judge_chroot(const char *path)
{
	const struct dirent *entry;
	struct stat st;
	DIR *dir;
	int entries = 0;

	if (lstat(path, &st) == -1)
		return (strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return ("is not a directory");
	if (st.st_uid != 0)
		return ("is not owned by root");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return ("can be written to by others than root");
	if ((dir = opendir(path)) == NULL)
		return (strerror(errno));
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			entries++;
	closedir(dir);
	return (entries == 0 ? NULL : "is not empty");
}

static void __attribute__((noreturn)) refuse_parent(const char *path)
{
	refuse(EXIT_REFUSED, "--chroot %s: mkdir: %s: want a folder in which it can be made",
	    path, strerror(errno));
}

/* Whether a directory could be made there. */
static void
check_parent(const char *path)
{
	char parent[sizeof(((struct msg_identity *)0)->chroot)];
	size_t n;

	strlcpy(parent, path, sizeof(parent));
	for (n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
		;
	while (n > 1 && parent[n - 1] != '/')
		n--;
	parent[n] = '\0';
	if (access(parent, W_OK | X_OK) == -1)
		refuse_parent(path);
}

static void
set_chroot(const struct options *o, struct msg_identity *id)
{
	const char *wrong;

	if (o->action == OPTIONS_RUN && geteuid() == 0 && mkdir(o->chroot, 0755) == -1 &&
	    errno != EEXIST)
		refuse_parent(o->chroot);
	if ((wrong = judge_chroot(o->chroot)) == NULL) {
		strlcpy(id->chroot, o->chroot, sizeof(id->chroot));
		return;
	}
	if (o->action == OPTIONS_CHECK && geteuid() == 0 && access(o->chroot, F_OK) == -1)
		check_parent(o->chroot);
	/* Root makes it at start; others do without, unless they asked for it. */
	if (access(o->chroot, F_OK) == -1 && errno == ENOENT &&
	    (geteuid() == 0 || !o->chroot_given))
		return;
	refuse(EXIT_REFUSED,
	    "--chroot %s: %s: want an empty directory that only root can write to", o->chroot,
	    wrong);
}

void
identity_init(const struct options *o, struct msg_identity *id)
{
	memset(id, 0, sizeof(*id));
	id->parent = getpid();
	id->log_level = (uint8_t)o->log_level;
	id->landlock = (uint8_t)landlock_abi();
	if (o->metrics_user != NULL)
		find_user("--metrics.user", o->metrics_user, id);
	find_user("--user", o->user, id);
	set_chroot(o, id);
}

void
identity_metrics(
    const struct options *o, const struct msg_identity *id, struct msg_identity *metrics)
{
	*metrics = *id;
	find_user(
	    "--metrics.user", o->metrics_user != NULL ? o->metrics_user : o->user, metrics);
}

void
identity_confine(struct msg_identity *id)
{
	const char *step;

	if (confine_supervisor() == -1)
		err(EXIT_REFUSED, "capabilities");
	if ((step = confine_probe(id)) == NULL)
		id->namespaces = 1;
	else
		log_warn("namespaces unavailable", "step=%s error=%s instead=%s", step,
		    strerror(errno), id->change_user ? "chroot" : "neither");
	if (id->landlock == 0)
		log_warn("landlock unavailable", "remedy=%s",
		    "a kernel of 5.13 or newer with landlock in its lsm= list");
	if (id->chroot[0] == '\0')
		log_warn("chroot unavailable", "remedy=%s",
		    "let root make the directory of --chroot");
}
