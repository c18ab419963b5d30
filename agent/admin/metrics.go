package admin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/internal/version"
)

// metrics writes the status in Prometheus' text format 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats).
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(appendMetrics(make([]byte, 0, usualMetrics), s.opt.Status(), version.Read(), readProcess())) // the client went away
}

// usualMetrics is in bytes: what one lane with an endpoint, two sockets and two listeners takes.
const usualMetrics = 16 << 10

func appendMetrics(b []byte, st ledger.Status, v version.Info, p process) []byte {
	m := exposition{b: b}
	m.family("wayside_agent_build_info", "gauge", "Always 1; the labels say which build this is.")
	m.sample(1, "version", st.Version, "commit", v.Commit, "goversion", v.Go)
	m.family("wayside_agent_start_time_seconds", "gauge", "When the agent began, in seconds since 1970.")
	m.sample(seconds(&st.Started))
	m.family("wayside_agent_ready", "gauge", "1 while all listeners are open and the agent is not stopping.")
	m.sample(oneIf(st.Ready))
	m.family("wayside_agent_degraded", "gauge", "1 while the agent can't do all that it was started for; its status says why.")
	m.sample(oneIf(len(st.Degraded) > 0))
	m.spans(st.Lanes)
	m.outside(st)
	m.buffers(st.Lanes)
	m.disks(st.Lanes)
	m.endpoints(st.Lanes)
	m.sockets(st.Sockets)
	m.listeners(st.Listeners)
	m.sampling(st.Sampling)
	m.process(p)
	return m.b
}

// spans are the account: accepted + recovered = delivered + buffered + dropped.
func (m *exposition) spans(lanes []ledger.Lane) {
	for _, f := range []struct {
		name, kind, help string
		value            func(ledger.Account) uint64
	}{
		{"spans_accepted_total", "counter", "Spans taken in.", func(a ledger.Account) uint64 { return a.Accepted }},
		{"spans_recovered_total", "counter", "Spans found on disk.", func(a ledger.Account) uint64 { return a.Recovered }},
		{"spans_delivered_total", "counter", "Spans that a collector acknowledged.", func(a ledger.Account) uint64 { return a.Delivered }},
		{"spans_buffered", "gauge", "Spans held now, those on their way included.", func(a ledger.Account) uint64 { return a.Buffered }},
	} {
		m.family("wayside_agent_"+f.name, f.kind, f.help)
		for _, l := range lanes {
			m.sample(float64(f.value(l.Account)), "lane", l.Name)
		}
	}
	m.family("wayside_agent_spans_dropped_total", "counter", "Spans taken in and lost, by reason.")
	for _, l := range lanes {
		for reason, n := range l.Dropped.All {
			m.sample(float64(n), "lane", l.Name, "reason", reason.String())
		}
	}
}

// outside is what was lost before it could be taken in.
func (m *exposition) outside(st ledger.Status) {
	m.family("wayside_agent_requests_refused_total", "counter", "Packets and requests that never entered, by reason.")
	for _, l := range st.Lanes {
		for reason, n := range l.Refused.All {
			m.sample(float64(n), "lane", l.Name, "reason", reason.String())
		}
	}
	m.family("wayside_agent_kernel_dropped_packets_total", "counter", "Packets that the kernel dropped because a socket's buffer was full.")
	for _, l := range st.Lanes {
		m.sample(float64(l.KernelDrops), "lane", l.Name)
	}
	m.family("wayside_agent_client_reported_dropped_spans_total", "counter", "Spans that Jaeger clients say they dropped themselves, by cause.")
	for _, l := range st.Lanes {
		c := l.ClientReported
		m.sample(float64(c.FullQueue), "lane", l.Name, "cause", "full_queue")
		m.sample(float64(c.TooLarge), "lane", l.Name, "cause", "too_large")
		m.sample(float64(c.SendFailure), "lane", l.Name, "cause", "send_failure")
	}
	m.family("wayside_agent_client_batch_gaps_total", "counter", "Batches missing in the sequence that Jaeger clients number.")
	for _, l := range st.Lanes {
		m.sample(float64(l.ClientReported.Gaps), "lane", l.Name)
	}
	m.family("wayside_agent_softnet_dropped_packets_total", "counter", "Packets of any kind that this host dropped before they reached a socket.")
	m.sample(float64(st.SoftnetDrops))
}

func (m *exposition) buffers(lanes []ledger.Lane) {
	m.family("wayside_agent_buffer_limit_bytes", "gauge", "What the buffer may hold.")
	for _, l := range lanes {
		m.sample(float64(l.Buffer.Limit), "lane", l.Name)
	}
	m.family("wayside_agent_buffer_bytes", "gauge", "What each queue holds, batches that are being sent or tried again included.")
	for _, l := range lanes {
		m.sample(float64(l.Buffer.Answered), "lane", l.Name, "queue", "answered")
		m.sample(float64(l.Buffer.Datagram), "lane", l.Name, "queue", "datagram")
	}
	m.family("wayside_agent_buffer_in_flight_bytes", "gauge", "What is on its way to a collector.")
	for _, l := range lanes {
		m.sample(float64(l.Buffer.InFlight), "lane", l.Name)
	}
	m.family("wayside_agent_buffer_oldest_age_seconds", "gauge", "How long the oldest span has been here; 0 when there is none.")
	for _, l := range lanes {
		m.sample(l.Buffer.OldestAge, "lane", l.Name)
	}
}

// disks are lanes that are kept on disk; the families are there without one, too.
func (m *exposition) disks(lanes []ledger.Lane) {
	each := func(name, help string, put func(lane string, d *ledger.Disk)) {
		m.family("wayside_agent_disk_"+name, "gauge", help)
		for _, l := range lanes {
			if l.Buffer.Disk != nil {
				put(l.Name, l.Buffer.Disk)
			}
		}
	}
	each("up", "1 while spans can be written to disk in time, else 0.", func(lane string, d *ledger.Disk) {
		up := 0.0
		if d.State == ledger.DiskOK {
			up = 1
		}
		m.sample(up, "lane", lane)
	})
	each("down_since_timestamp_seconds", "Since when they can't; only while that is so.", func(lane string, d *ledger.Disk) {
		if d.Since != nil {
			m.sample(float64(d.Since.Unix()), "lane", lane)
		}
	})
	each("limit_bytes", "What the files may take.", func(lane string, d *ledger.Disk) { m.sample(float64(d.Limit), "lane", lane) })
	each("bytes", "What the files of each queue take.", func(lane string, d *ledger.Disk) {
		m.sample(float64(d.Answered), "lane", lane, "queue", "answered")
		m.sample(float64(d.Datagram), "lane", lane, "queue", "datagram")
	})
	each("segments", "How many files those are.", func(lane string, d *ledger.Disk) { m.sample(float64(d.Segments), "lane", lane) })
}

func (m *exposition) endpoints(lanes []ledger.Lane) {
	each := func(name, kind, help string, value func(ledger.Endpoint) float64) {
		m.family("wayside_agent_endpoint_"+name, kind, help)
		for _, l := range lanes {
			for _, e := range l.Endpoints {
				m.sample(value(e), endpointLabels(l, e)...)
			}
		}
	}
	each("requests_total", "counter", "Exports sent.", func(e ledger.Endpoint) float64 { return float64(e.Requests) })
	each("failures_total", "counter", "Exports that were not answered with a success.", func(e ledger.Endpoint) float64 { return float64(e.Failures) })
	each("in_flight", "gauge", "Exports that wait for an answer.", func(e ledger.Endpoint) float64 { return float64(e.InFlight) })
	each("last_success_timestamp_seconds", "gauge", "When it last answered with a success; 0 is never.", func(e ledger.Endpoint) float64 { return seconds(e.LastOKAt) })
	each("last_error_timestamp_seconds", "gauge", "When it last failed; 0 is never.", func(e ledger.Endpoint) float64 { return seconds(e.LastErrorAt) })
	each("retry_in_seconds", "gauge", "How long until it is tried again; 0 when it does not back off.", func(e ledger.Endpoint) float64 { return e.RetryIn })
	m.family("wayside_agent_endpoint_state", "gauge", "1 for the state that a collector is in, 0 for the others.")
	for _, l := range lanes {
		for _, e := range l.Endpoints {
			for _, s := range endpointStates {
				m.sample(oneIf(e.State == s), append(endpointLabels(l, e), "state", s)...)
			}
		}
	}
}

// endpointLabels tell endpoints apart. A name has up to 16 addresses at a time.
func endpointLabels(l ledger.Lane, e ledger.Endpoint) []string {
	labels := []string{"lane", l.Name, "endpoint", e.Address}
	if e.IP != "" {
		labels = append(labels, "ip", e.IP)
	}
	return labels
}

var endpointStates = [...]string{ledger.EndpointIdle, ledger.EndpointOK, ledger.EndpointBackoff, ledger.EndpointHeld}

func (m *exposition) sockets(sockets []ledger.Socket) {
	each := func(name, kind, help string, value func(ledger.Socket) float64) {
		m.family("wayside_agent_socket_"+name, kind, help)
		for _, s := range sockets {
			m.sample(value(s), "address", s.Address, "encoding", s.Encoding)
		}
	}
	each("packets_total", "counter", "Packets received.", func(s ledger.Socket) float64 { return float64(s.Packets) })
	each("bytes_total", "counter", "Bytes received.", func(s ledger.Socket) float64 { return float64(s.Bytes) })
	each("kernel_dropped_packets_total", "counter", "Packets that the kernel dropped because the buffer was full.", func(s ledger.Socket) float64 { return float64(s.KernelDrops) })
	each("buffer_asked_bytes", "gauge", "Receive buffer asked of the kernel.", func(s ledger.Socket) float64 { return float64(s.BufferAsked) })
	each("buffer_granted_bytes", "gauge", "Receive buffer granted.", func(s ledger.Socket) float64 { return float64(s.BufferGot) })
}

func (m *exposition) listeners(listeners []ledger.Listener) {
	m.family("wayside_agent_listener_requests_total", "counter", "Requests taken in, by protocol.")
	for _, l := range listeners {
		m.sample(float64(l.Requests.GRPC), "address", l.Address, "source", l.Source, "protocol", "grpc")
		m.sample(float64(l.Requests.HTTP), "address", l.Address, "source", l.Source, "protocol", "http_protobuf")
		m.sample(float64(l.Requests.HTTPJSON), "address", l.Address, "source", l.Source, "protocol", "http_json")
		m.sample(float64(l.Requests.HTTPThrift), "address", l.Address, "source", l.Source, "protocol", "http_thrift")
	}
	each := func(name, kind, help string, value func(ledger.Listener) float64) {
		m.family("wayside_agent_listener_"+name, kind, help)
		for _, l := range listeners {
			m.sample(value(l), "address", l.Address, "source", l.Source)
		}
	}
	each("bytes_total", "counter", "Bytes of the requests taken in, uncompressed.", func(l ledger.Listener) float64 { return float64(l.Bytes) })
	each("spans_total", "counter", "Spans in the requests taken in.", func(l ledger.Listener) float64 { return float64(l.Spans) })
	each("connections", "gauge", "Connections that are open.", func(l ledger.Listener) float64 { return float64(l.Connections) })
}

func (m *exposition) process(p process) {
	for _, f := range []struct {
		name, kind, help string
		value            float64
	}{
		{"process_cpu_seconds_total", "counter", "CPU time, user and system.", p.cpu.Seconds()},
		{"process_resident_memory_bytes", "gauge", "Resident memory.", float64(p.rss)},
		{"process_resident_memory_anon_bytes", "gauge", "Resident memory that is not a file's: stacks and heap.", float64(p.anon)},
		{"process_open_fds", "gauge", "Open files and sockets.", float64(p.openFiles)},
		{"go_goroutines", "gauge", "Goroutines.", float64(p.goroutines)},
		{"go_gc_cycles_total", "counter", "Completed garbage collections.", float64(p.gcCycles)},
		{"go_heap_objects_bytes", "gauge", "Memory of heap objects, live or not yet swept.", float64(p.heap)},
		{"go_memory_bytes", "gauge", "Memory that the Go runtime has from the system.", float64(p.mapped)},
	} {
		m.family(f.name, f.kind, f.help)
		m.sample(f.value)
	}
}

// exposition appends families and their samples.
type exposition struct {
	b    []byte
	name string
}

func (m *exposition) family(name, kind, help string) {
	m.name = name
	m.b = append(m.b, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
}

// sample appends a value of the last family; labels are names and values.
func (m *exposition) sample(value float64, labels ...string) {
	m.b = append(m.b, m.name...)
	for i := 0; i+1 < len(labels); i += 2 {
		m.b = append(m.b, "{,"[min(i, 1)])
		m.b = append(m.b, labels[i]+`="`...)
		m.b = append(m.b, labelEscapes.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD"))+`"`...)
	}
	if len(labels) > 0 {
		m.b = append(m.b, '}')
	}
	m.b = append(m.b, ' ')
	m.b = strconv.AppendFloat(m.b, value, 'f', -1, 64) // whole numbers stay whole
	m.b = append(m.b, '\n')
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func seconds(t *time.Time) float64 {
	if t == nil || t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
