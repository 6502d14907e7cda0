#!/bin/sh
# After an installation into this very host: sh installed.sh SYSUSERS_FILE CONFIGURATION
# Make the user, let systemd see the units, and say what to do next.
set -eu

if [ "$(id -u)" -eq 0 ]; then
	if ! id -u udp46 >/dev/null 2>&1; then
		if command -v systemd-sysusers >/dev/null; then
			systemd-sysusers "$1"
		else
			echo "install: no systemd-sysusers here: make a system user udp46"
		fi
	fi
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
	fi
fi
cat <<END

udp46 is installed.  Next:
  1. name the upstream in $2
  2. systemctl enable --now udp46
While it runs already, 'systemctl reload udp46' lets the new one take over, with all sessions.
END
