package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// The network of nodes is a switch in the first node's namespace: one end of a
// pair of interfaces for each node, whose other end is the node's eth0. Nothing
// leads out of it.
const (
	bridge  = "nodes"
	gateway = "10.77.0.254" // nobody has it; some programs insist on a default route
)

// ip runs iproute2's.
func ip(args string) error {
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("node: ip %s: %w: %s", args, err, out)
	}
	return nil
}

// network sets up a node's interfaces, and in the first one the switch.
func network(p Plan, n int) error {
	if err := ip("link set lo up"); err != nil {
		return err
	}
	if n == 1 {
		for _, args := range []string{
			"link add " + bridge + " type bridge", "link set " + bridge + " up",
			"link add eth0 type veth peer name port1", "link set port1 up master " + bridge,
		} {
			if err := ip(args); err != nil {
				return err
			}
		}
	}
	if err := await("its interface", func() bool { return exists("/sys/class/net/eth0") }); err != nil {
		return err
	}
	routes := []string{"addr add " + IP(n) + "/24 dev eth0", "link set eth0 up", "route add default via " + gateway + " dev eth0"}
	for other := 1; other <= p.Nodes; other++ {
		if other != n {
			routes = append(routes, "route add "+pods(other)+" via "+IP(other))
		}
	}
	for _, args := range routes {
		if err := ip(args); err != nil {
			return err
		}
	}
	for name, value := range map[string]string{
		"net/ipv4/ip_forward": "1",
		// Answers to a Service's address go by the rules that changed it, between pods of one node too.
		"net/bridge/bridge-nf-call-iptables": "1",
	} {
		if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0); err != nil {
			return fmt.Errorf("node: %w (is the kernel's module br_netfilter there?)", err)
		}
	}
	return nil
}

// plug gives a node, whose first process has a pid, its interface.
func plug(n, pid int) error {
	port, end := "port"+strconv.Itoa(n), "end"+strconv.Itoa(n)
	return errors.Join(
		ip("link add "+end+" type veth peer name "+port),
		ip("link set "+port+" up master "+bridge),
		ip("link set "+end+" netns "+strconv.Itoa(pid)+" name eth0"),
	)
}

// await waits for something that takes seconds.
func await(what string, is func() bool) error {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if is() {
			return nil
		}
	}
	return fmt.Errorf("node: waited in vain for %s", what)
}
