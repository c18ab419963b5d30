package ledger

import "time"

// Status is what an agent tells of itself: the JSON of /status. Those parts
// that are in DESIGN-fixed form (lanes with their accounts, softnet_drops) are
// relied on from outside; the rest may grow.
type Status struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Ready is true from the moment all listeners are open until the agent
	// begins to stop. It never depends on a collector.
	Ready bool `json:"ready"`
	// Degraded is what the agent was started for and can't do, a line each,
	// with what to do about it.
	Degraded []string `json:"degraded,omitempty"`
	Lanes    []Lane   `json:"lanes"`
	// SoftnetDrops counts packets of any kind that the kernel dropped on
	// this host since the agent began, before they reached a socket
	// (/proc/net/softnet_stat, second column).
	SoftnetDrops uint64     `json:"softnet_drops"`
	Sockets      []Socket   `json:"sockets"`
	Listeners    []Listener `json:"listeners"`
	// Sampling is what tracers are told of how much to sample.
	Sampling Sampling `json:"sampling"`
	// Config is the effective configuration, without secrets: key → value.
	Config any `json:"config,omitempty"`
}

// Lane is one lane: its account, what it holds and where it delivers.
type Lane struct {
	Name string `json:"name"`
	Account
	Buffer    Buffer     `json:"buffer"`
	Endpoints []Endpoint `json:"endpoints"`
}

// Buffer is what a lane holds now. Sizes are in bytes.
type Buffer struct {
	Limit    int `json:"limit_bytes"`
	Answered int `json:"answered_bytes"`
	Datagram int `json:"datagram_bytes"`
	InFlight int `json:"in_flight_bytes"`
	// OldestAge is how long the oldest span has been here, in seconds; 0
	// when there is none.
	OldestAge float64 `json:"oldest_age_seconds"`
	// Disk is where the lane is kept; nil if it is kept in memory alone.
	Disk *Disk `json:"disk,omitempty"`
}

// The states of a Disk.
const (
	DiskOK     = "ok"
	DiskSlow   = "slow"   // what is written takes so long that nobody waits for it
	DiskFailed = "failed" // nothing can be written; tried again every few seconds
)

// Disk is a lane's place on disk. Sizes are in bytes.
type Disk struct {
	Path string `json:"path"`
	// Sync is what a sender's yes means: "interval" or "always".
	Sync     string     `json:"sync"`
	Limit    int64      `json:"limit_bytes"`
	Answered int64      `json:"answered_bytes"`
	Datagram int64      `json:"datagram_bytes"`
	Segments int        `json:"segments"`
	State    string     `json:"state"`
	Error    string     `json:"error,omitempty"` // why it failed
	Since    *time.Time `json:"since,omitempty"` // of a State that is not ok
}

// The states of an Endpoint.
const (
	EndpointIdle    = "idle"    // nothing was sent yet
	EndpointOK      = "ok"      // the last answer was a success
	EndpointBackoff = "backoff" // failed; tried again after a pause
	EndpointHeld    = "held"    // refuses this agent (credentials, wrong service); tried again, nothing is dropped
)

// Endpoint is a collector as the agent sees it.
type Endpoint struct {
	Address string `json:"address"` // as configured
	// IP is which of the host's addresses this is, where a name was looked up.
	IP    string `json:"ip,omitempty"`
	State string `json:"state"`
	// Requests counts exports that were sent, Failures those that were not
	// answered with a success.
	Requests    uint64     `json:"requests"`
	Failures    uint64     `json:"failures"`
	InFlight    int        `json:"in_flight"`
	LastError   string     `json:"last_error,omitempty"`
	LastErrorAt *time.Time `json:"last_error_at,omitempty"`
	LastOKAt    *time.Time `json:"last_ok_at,omitempty"`
	// RetryIn is how long until it is tried again, in seconds, when backing off.
	RetryIn float64 `json:"retry_in_seconds,omitempty"`
}

// String is the endpoint in a word that no other has.
func (e Endpoint) String() string {
	if e.IP == "" {
		return e.Address
	}
	return e.Address + " (" + e.IP + ")"
}

// Socket is a socket that takes in datagrams. Buffer sizes are in bytes as
// asked for in SO_RCVBUF; the kernel doubles them for its own bookkeeping.
type Socket struct {
	Address     string `json:"address"`
	Encoding    string `json:"encoding"`
	BufferAsked int    `json:"buffer_asked_bytes"`
	BufferGot   int    `json:"buffer_granted_bytes"`
	Packets     uint64 `json:"packets"`
	Bytes       uint64 `json:"bytes"`
	KernelDrops uint64 `json:"kernel_drops"`
}

// Listener is a place where requests are taken in, each of which is answered.
type Listener struct {
	Address string `json:"address"` // ip:port, or unix:/path
	// Source is the key that it is configured by, without "accept.": otlp.grpc.
	Source string `json:"source"`
	TLS    bool   `json:"tls"`
	// Connections are those that are open now.
	Connections int `json:"connections"`
	// Requests, Bytes (uncompressed) and Spans are what was taken in; what
	// was refused is in the lane's account.
	Requests Requests `json:"requests"`
	Bytes    uint64   `json:"bytes"`
	Spans    uint64   `json:"spans"`
}

// Requests counts requests by protocol.
type Requests struct {
	GRPC       uint64 `json:"grpc"`
	HTTP       uint64 `json:"http_protobuf"`
	HTTPJSON   uint64 `json:"http_json"`
	HTTPThrift uint64 `json:"http_thrift"`
}

// Sum is the number of requests of any protocol.
func (r Requests) Sum() uint64 { return r.GRPC + r.HTTP + r.HTTPJSON + r.HTTPThrift }
