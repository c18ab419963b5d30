// Command floor is the least that an agent could do: it reads datagrams and
// writes them to a TCP connection as they are. It decodes nothing, keeps
// nothing and counts nothing.
//
//	floor plain|rested LISTEN-UDP CONNECT-TCP SOCKET-BUFFER-BYTES
//
// plain reads a datagram with one call and writes it with one call. rested
// does as Wayside does: it takes up to 16 datagrams with a recvmmsg, writes
// them together, and sleeps for 20 ms when there were no more.
package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/net/ipv4"
)

const (
	maxDatagram = 65507 // bytes; the most that UDP over IPv4 carries
	readAtOnce  = 16    // datagrams
	rest        = 20 * time.Millisecond
)

func main() {
	fmt.Fprintln(os.Stderr, "floor:", run(os.Args[1:]))
	os.Exit(1)
}

// run returns only when it can't go on.
func run(args []string) error {
	if len(args) != 4 || args[0] != "plain" && args[0] != "rested" {
		return fmt.Errorf("usage: floor plain|rested LISTEN-UDP CONNECT-TCP SOCKET-BUFFER-BYTES")
	}
	buffer, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	address, err := net.ResolveUDPAddr("udp4", args[1])
	if err != nil {
		return err
	}
	out, err := net.Dial("tcp", args[2])
	if err != nil {
		return err
	}
	in, err := net.ListenUDP("udp4", address)
	if err != nil {
		return err
	}
	if buffer > 0 {
		if err := in.SetReadBuffer(buffer); err != nil {
			return err
		}
	}
	if args[0] == "plain" {
		return plain(in, out)
	}
	return rested(in, out)
}

func plain(in, out net.Conn) error {
	b := make([]byte, maxDatagram)
	for {
		n, err := in.Read(b)
		if err != nil {
			return err
		}
		if _, err := out.Write(b[:n]); err != nil {
			return err
		}
	}
}

func rested(in *net.UDPConn, out net.Conn) error {
	var messages [readAtOnce]ipv4.Message
	for i := range messages {
		messages[i].Buffers = [][]byte{make([]byte, maxDatagram)}
	}
	packets := ipv4.NewPacketConn(in)
	var together net.Buffers
	for {
		n, err := packets.ReadBatch(messages[:], 0)
		if err != nil {
			return err
		}
		together = together[:0]
		for _, m := range messages[:n] {
			together = append(together, m.Buffers[0][:m.N])
		}
		again := together // WriteTo moves the start of the slice it is called on
		if _, err := again.WriteTo(out); err != nil {
			return err
		}
		if n < readAtOnce {
			time.Sleep(rest)
		}
	}
}
