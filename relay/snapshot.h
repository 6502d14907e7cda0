#ifndef RELAY_SNAPSHOT_H
#define RELAY_SNAPSHOT_H

struct relay;

/* Take a link to the metrics child, or to its successor. */
void snapshot_link(struct relay *relay, int fd);

/* What to wait for on the link: events as of poll(2). */
short snapshot_events(const struct relay *relay);

/* Answer what the metrics child asked, as much as one turn allows. */
void snapshot_turn(struct relay *relay);

#endif
