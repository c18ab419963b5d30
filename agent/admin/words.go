package admin

// words say to people what a way of loss (see losses) means, and what to do.
type words struct {
	way  string
	unit string // what is counted: spans, packets, requests or batches
	what string
	fix  string
}

// packetsOrRequests is the unit of what may be wrong with either.
const packetsOrRequests = "packets or requests"

// dropped and outside are in the order of the page: spans that were taken in
// and lost, then what never came in.
var dropped = []words{
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

var outside = []words{
	{
		"kernel_drops", "packets", "The kernel dropped them: a socket's buffer was full before the agent could read it.",
		"See the sockets below: a larger buffer, or more CPU for the agent.",
	},
	{
		"refused.malformed", packetsOrRequests, "They are not what the protocol allows, or broke off before their end.",
		"Something else sends to this port, a client makes up ids, or a packet was cut on its way: keep Jaeger clients' packets under 65,000 bytes.",
	},
	{
		"refused.too_big", packetsOrRequests, "They are larger than a request may be (4 MiB, and half of buffer.memory), or hold a span over 512 KiB.",
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
		"refused.unimplemented", packetsOrRequests, "They are not traces (metrics, logs, Zipkin spans in a Jaeger packet), or in a form that is not understood.",
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
