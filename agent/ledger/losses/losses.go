// Package losses says to people in which ways something gets lost, and what to do
// about each: to who looks at an agent's page, and to who asks a cluster about it.
package losses

import "github.com/wayside-tracing/wayside/agent/ledger"

// Way is one.
type Way struct {
	Name string // as Of has it: "dropped.expired"
	Unit string // what is counted: spans, packets, requests or batches
	What string // what it means, a sentence
	Fix  string // what to do, another
}

// PacketsOrRequests is the unit of what may be wrong with either.
const PacketsOrRequests = "packets or requests"

// Of yields every way in which something gets lost, with its count:
// "dropped.expired", "refused.malformed", "kernel_drops", "client.gaps".
func Of(a ledger.Account) func(yield func(way string, n uint64) bool) {
	return func(yield func(string, uint64) bool) {
		for r, n := range a.Dropped.All {
			if !yield("dropped."+r.String(), n) {
				return
			}
		}
		for r, n := range a.Refused.All {
			if !yield("refused."+r.String(), n) {
				return
			}
		}
		c := a.ClientReported
		_ = yield("kernel_drops", a.KernelDrops) &&
			yield("client.full_queue", c.FullQueue) && yield("client.too_large", c.TooLarge) &&
			yield("client.send_failure", c.SendFailure) && yield("client.gaps", c.Gaps)
	}
}

// Dropped are those of spans that were taken in, in the order in which they are
// shown.
var Dropped = []Way{
	{
		"dropped.buffer_full", "spans", "The buffer was full: newer spans pushed these out.",
		"See why the collector is slow or away. A larger buffer.memory, or buffer.disk.size, holds out longer.",
	},
	{
		"dropped.expired", "spans", "They waited longer than buffer.max_age.",
		"Bring the collector back, or raise buffer.max_age.",
	},
	{
		"dropped.rejected", "spans", "The collector refused them for good.",
		"The collector's last error, below, or its own log says why.",
	},
	{
		"dropped.invalid", "spans", "A tracer sent them with impossible ids (trace or span id of zero).",
		"Look for a tracer, proxy or hand-written client that makes up ids.",
	},
	{
		"dropped.too_big", "spans", "One span was larger than 512 KiB, or than the collector takes.",
		"Find the app that puts a whole payload into a tag; see the collector's limit on message size.",
	},
	{
		"dropped.corrupt", "spans", "They were damaged on disk.",
		"Check the disk: the agent gives up only what it can't read.",
	},
	{
		"dropped.disk_lost", "spans", "They were on a disk that failed.",
		"Replace or remount the disk of buffer.disk.path.",
	},
	{
		"dropped.shutdown", "spans", "They were still here when the agent had to end.",
		"Raise drain_timeout, if whoever ends the process waits that long, or set buffer.disk.path: there they wait for the next start.",
	},
}

// Outside are those of what never came in, in the order in which they are shown.
var Outside = []Way{
	{
		"kernel_drops", "packets", "The kernel dropped them: a socket's buffer was full before the agent could read it.",
		"Give the socket a larger buffer (accept.jaeger.socket_buffer), or the agent more CPU.",
	},
	{
		"refused.malformed", PacketsOrRequests, "They are not what the protocol allows, or broke off before their end.",
		"Something else sends to this port, a client makes up ids, or a packet was cut on its way: keep Jaeger clients' packets under 65,000 bytes.",
	},
	{
		"refused.too_big", PacketsOrRequests, "They are larger than a request may be (4 MiB, and half of buffer.memory), or hold a span over 512 KiB.",
		"Make the tracer send smaller batches.",
	},
	{
		"refused.buffer_full", "requests", "The buffer was full, or its disk could not be written. The sender was told to come again.",
		"See why the collector is slow or away, and how the disk is. A larger buffer.memory, or buffer.disk.size, holds out longer.",
	},
	{
		"refused.overloaded", "requests", "Too much was being received at once, and the sender was told to come again.",
		"Spread the senders over more agents, or make them send smaller requests.",
	},
	{
		"refused.unimplemented", PacketsOrRequests, "They are not traces (metrics, logs, Zipkin spans in a Jaeger packet), or in a form that is not understood.",
		"Send metrics and logs elsewhere: set OTEL_EXPORTER_OTLP_TRACES_ENDPOINT in the app, and not OTEL_EXPORTER_OTLP_ENDPOINT.",
	},
	{
		"client.full_queue", "spans", "Jaeger clients say that their own queue was full.",
		"Raise the client's queue size (JAEGER_REPORTER_MAX_QUEUE_SIZE), or sample less.",
	},
	{
		"client.too_large", "spans", "Jaeger clients say that a span did not fit into a packet.",
		"Find the app that puts a whole payload into a tag, or raise the client's packet size (at most 65,000 bytes).",
	},
	{
		"client.send_failure", "spans", "Jaeger clients say that they could not send.",
		"Check the agent's address in the client, and the client's log.",
	},
	{
		"client.gaps", "batches", "Jaeger clients number their batches, and these never came.",
		"They were lost between client and agent: see the kernel's drops, and the network if the client is not on this host.",
	},
}
