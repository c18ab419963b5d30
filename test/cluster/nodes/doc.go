// Package nodes tests agents in real pods on real nodes. The tests have the
// build tag cluster and take root on Linux; all run at once, each in namespaces
// of Kubernetes that are its own.
//
//	go test -tags cluster ./nodes                     brings up a cluster, and ends it
//	go run ./cmd/cluster up --nodes 2 --for 3h        one that stays: the tests use it
package nodes
