// Package inject decides what a pod gets of Wayside, and makes the patch. It is
// pure: pod, namespace and TraceAgents in, decision out; the webhook, the
// operator's counts and `wayside explain` all ask it, so that what people are told
// is what was done.
package inject
