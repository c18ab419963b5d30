// Package deliver brings the batches of one lane to its collectors.
//
//	take ─► flight ─ part ─► pick an endpoint ─► Transport ─► Answer
//	          │        ▲                                        │
//	          │        └── later, or in halves ◄── Verdict ─────┤
//	          └── Done ◄── delivered, dropped{reason} ◄─────────┘
//
// Each batch in flight has a goroutine, which is a straight line: as long as
// there are parts of the batch to be sent, wait for an endpoint that may be
// tried, send, and do what the answer means. There are as many as the buffer
// lets be in flight; nothing else here grows with traffic.
//
// No batch is tied to an endpoint. Endpoints have the state: those that fail
// are left alone for a while, and then tried with one request at a time until
// they take something. A batch that one endpoint did not take goes to another
// at once, if there is one that is well.
//
// An endpoint that is a name becomes one for each of its addresses (names.go).
//
// What an answer means is a table (grpc.go, http.go). Nothing is dropped because a
// collector is ill, however it shows that: a span is dropped only when it
// stands alone, was refused three times, and the endpoint that refuses it has
// taken something else in the meantime.
//
// Delivery is at least once: an answer that is lost is asked for again.
package deliver
