package main

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/bench/load"
)

// An account is what a contender says of itself, in totals since it started.
type account struct {
	// Lost is in spans, by reason; spans that it still holds are in it.
	Lost map[string]uint64 `json:"lost,omitempty"`
	// Delivered is in spans; only Wayside tells it.
	Delivered uint64 `json:"delivered,omitempty"`
	// Recovered is in spans, of a process before it; only Wayside tells it.
	Recovered uint64 `json:"recovered,omitempty"`
	// KernelDrops is in packets; only Wayside tells it.
	KernelDrops uint64 `json:"kernel_drops,omitempty"`
	// Refused is in packets or requests; only Wayside tells it.
	Refused uint64 `json:"refused,omitempty"`
}

// since returns what was added after before. What is held may have become less.
func (a account) since(before account) account {
	d := account{Lost: map[string]uint64{}, Delivered: a.Delivered - before.Delivered, KernelDrops: a.KernelDrops - before.KernelDrops, Refused: a.Refused - before.Refused}
	for reason, n := range a.Lost {
		if n -= before.Lost[reason]; n != 0 {
			d.Lost[reason] = n
		}
	}
	return d
}

// countedByWayside reads the ledger.
func countedByWayside(p *places) (account, error) {
	var status ledger.Status
	if err := getJSON(p.adminURL("/status"), &status); err != nil {
		return account{}, err
	}
	if len(status.Lanes) != 1 {
		return account{}, fmt.Errorf("wayside has %d lanes, not 1", len(status.Lanes))
	}
	lane := status.Lanes[0].Account
	if err := lane.Check(); err != nil {
		return account{}, err
	}
	a := account{Lost: map[string]uint64{"buffered": lane.Buffered}, Delivered: lane.Delivered, Recovered: lane.Recovered, KernelDrops: lane.KernelDrops}
	for reason, n := range lane.Dropped.All {
		a.Lost["dropped."+reason.String()] = n
	}
	for _, n := range lane.Refused.All {
		a.Refused += n
	}
	return a, nil
}

// The Jaeger Agent's counters of losses (reference: its /metrics), and how many spans one stands for.
var jaegerLosses = []struct {
	metric, labels string
	spans          uint64
}{
	{"jaeger_agent_thrift_udp_server_packets_dropped_total", `model="jaeger",protocol="compact"`, load.SpansPerPacket},
	{"jaeger_agent_thrift_udp_server_read_errors_total", `model="jaeger",protocol="compact"`, load.SpansPerPacket},
	{"jaeger_agent_thrift_udp_t_processor_handler_errors_total", `model="jaeger",protocol="compact"`, load.SpansPerPacket},
	{"jaeger_agent_reporter_spans_failures_total", `format="jaeger",protocol="grpc"`, 1},
	{"jaeger_agent_thrift_udp_server_packets_dropped_total", `model="zipkin",protocol="compact"`, load.SpansPerPacket},
	{"jaeger_agent_thrift_udp_server_read_errors_total", `model="zipkin",protocol="compact"`, load.SpansPerPacket},
	{"jaeger_agent_thrift_udp_t_processor_handler_errors_total", `model="zipkin",protocol="compact"`, load.SpansPerPacket},
	{"jaeger_agent_reporter_spans_failures_total", `format="zipkin",protocol="grpc"`, 1},
}

func countedByJaegerAgent(p *places) (account, error) {
	answer, err := http.Get(p.adminURL("/metrics"))
	if err != nil {
		return account{}, err
	}
	defer answer.Body.Close()
	a := account{Lost: map[string]uint64{}}
	found := 0
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		for _, l := range jaegerLosses {
			value, ok := strings.CutPrefix(lines.Text(), l.metric+"{"+l.labels+"} ")
			if !ok {
				continue
			}
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return account{}, err
			}
			a.Lost[l.metric] += uint64(n) * l.spans
			found++
		}
	}
	if found != len(jaegerLosses) {
		return account{}, fmt.Errorf("jaeger-agent tells %d of its %d counters of losses", found, len(jaegerLosses))
	}
	return a, nil
}
