// Package crash breaks everything around a running agent, and holds what arrived
// against what was sent, span by span.
//
//	sender ─► wayside-agent (a process) ─► receiver that misbehaves
//	   └──────────── account.Compare ───────────┘   + the ledger's last line
//
// Its scenarios have the build tag crash, since they take longer than a unit
// test may:
//
//	./test/all.sh crash       the short run, about a minute
//	make soak                 the long one
//	go test -tags crash ./test/crash -run Poison -v -args -seed 7
//
// What is random comes from one seed, which is printed. Nothing timed is asserted:
// limits of time only say when a test has waited enough for what should happen.
package crash
