// Package explain tells a person what a pod got of Wayside, or why it got nothing,
// which agent its spans go to and what became of them there.
//
// Gather asks the cluster and returns Facts; Explain makes a Report of them and
// asks nobody; the report is written for people (Write) or as JSON. Why a pod gets
// what it gets says kube/inject, whom the webhook asks as well. What could not be
// learnt is in the report, with the permission that would do.
package explain
