// Package certificate keeps what the operator's webhook is known by: an authority
// of its own, and a certificate that the authority signed and that is renewed long
// before it ends. No other program is needed for it.
//
// Both live in one Secret, which all replicas of the operator read and any may
// write; who writes an older version of it than is there is told so by the API
// server, reads again, and finds the work done. Keys of the Secret:
//
//	tls.crt, tls.key              what the webhook's server shows
//	authority.crt, authority.key  who signed it
//	next.crt, next.key            who will sign, while it is made known
//	previous.crt                  who signed before, as long as it may be met
//
// What API servers have to trust, the bundle, is every certificate of an authority
// in there. It is published (in the webhook's object) before anything is shown that
// needs it:
//
//	authority ──┬─ is in the bundle ───────────────────────────────┐
//	            └─ signs ─────────────────────┐                    │
//	next ────────── is in the bundle ── settle ┴─ signs ── first renewal: previous leaves
//
// so that no call fails while certificates change, whichever replica or API server
// is behind the others for less than the settling time.
package certificate
