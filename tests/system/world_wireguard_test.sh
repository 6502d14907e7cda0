# The world moves while a phone sends a file home, or fetches one, through a tunnel of WireGuard.

. "$(atf_get_srcdir)/common.subr"
. "$(atf_get_srcdir)/wireguard.subr"
. "$(atf_get_srcdir)/world.subr"

wireguard_case name upload "The upstream's name moves"
wireguard_case name download "The upstream's name moves while the phone fetches a file"
wireguard_case name_back upload "The upstream's name moves, and moves back"
wireguard_case dead upload "Of the name's two addresses the one in use dies"
wireguard_case source upload "The only source address ends when another has come"
wireguard_case preferred upload "Another source address is preferred"
wireguard_case route upload "The default route moves to a second interface, and the first ends"
wireguard_case cable upload "A cable is out for two seconds"
wireguard_case link upload "The interface goes down, with its addresses and routes, and up again"
wireguard_case interface upload "The interface of a link-local upstream is made again"
wireguard_case clock_back upload "The clock is set back by an hour, and the relay is killed"
wireguard_case clock_forward upload "The clock is set forward by an hour, and the relay is killed"
