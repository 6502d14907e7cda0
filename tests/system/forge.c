/*
 * forge: one UDP datagram that no socket would send, written to a network interface as a
 * virtual machine could: from any source port, 0 among them, or as a train of any segment size.
 *
 *	forge [-p source port] [-l bytes] [-g segment] interface source destination port
 */

#include <sys/socket.h>

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <err.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

#define PAYLOAD_MAX 65507

/* Not in the headers of Linux 6.1. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

struct frame {
	struct virtio_net_hdr virtio;
	struct ether_header ether;
	struct iphdr ip;
	struct udphdr udp;
	unsigned char payload[PAYLOAD_MAX];
} __attribute__((packed));

static struct frame frame;

/* The sum of the header, as of RFC 1071. */
static uint16_t
header_checksum(struct iphdr ip)
{
	uint16_t word[sizeof(ip) / 2];
	uint32_t sum = 0;
	size_t i;

	memcpy(word, &ip, sizeof(word));
	for (i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ((uint16_t) ~(sum + (sum >> 16)));
}

static void
fill(struct in_addr from, uint16_t from_port, struct in_addr to, uint16_t to_port, int bytes,
    int segment)
{
	int i;

	/* To everybody on the link: nobody needs to be asked for an address. */
	memset(frame.ether.ether_dhost, 0xff, ETH_ALEN);
	frame.ether.ether_type = htons(ETHERTYPE_IP);
	frame.ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons((uint16_t)(sizeof(frame.ip) + sizeof(frame.udp) + bytes)),
		.saddr = from.s_addr,
		.daddr = to.s_addr,
	};
	frame.ip.check = header_checksum(frame.ip);
	frame.udp.source = htons(from_port);
	frame.udp.dest = htons(to_port);
	frame.udp.len = htons((uint16_t)(sizeof(frame.udp) + bytes));
	for (i = 0; i < bytes; i++)
		frame.payload[i] = (unsigned char)(i + i / 251);
	if (segment == 0)
		return;
	frame.virtio.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	frame.virtio.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	frame.virtio.gso_size = (uint16_t)segment;
	frame.virtio.hdr_len = offsetof(struct frame, payload) - sizeof(frame.virtio);
	frame.virtio.csum_start = offsetof(struct frame, udp) - sizeof(frame.virtio);
	frame.virtio.csum_offset = offsetof(struct udphdr, check);
}

static void
transmit(const char *interface, size_t bytes)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };
	size_t length = offsetof(struct frame, payload) + bytes;
	int fd, one = 1;

	if ((to.sll_ifindex = (int)if_nametoindex(interface)) == 0)
		err(1, "%s", interface);
	if ((fd = socket(AF_PACKET, SOCK_RAW, 0)) == -1 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) == -1)
		err(1, "socket");
	if (sendto(fd, &frame, length, 0, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "sendto");
}

int
main(int argc, char **argv)
{
	int c, port = 4000, bytes = 100, segment = 0;

	while ((c = getopt(argc, argv, "p:l:g:")) != -1) {
		switch (c) {
		case 'p':
			port = number(optarg, 0, 65535);
			break;
		case 'l':
			bytes = number(optarg, 0, PAYLOAD_MAX);
			break;
		case 'g':
			segment = number(optarg, 1, 65535);
			break;
		default:
			return (2);
		}
	}
	if (argc - optind != 4)
		errx(2, "usage: forge [options] interface source destination port");
	fill(ipv4_address(argv[optind + 1]), (uint16_t)port, ipv4_address(argv[optind + 2]),
	    (uint16_t)number(argv[optind + 3], 1, 65535), bytes, segment);
	transmit(argv[optind], (size_t)bytes);
	return (0);
}
