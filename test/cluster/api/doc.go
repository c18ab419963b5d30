// Package api asks real API servers, of the newest Kubernetes and of the oldest
// that Wayside is for, whether they take what it gives them: the CRD and its rules,
// manifests, pods with an agent in them. Its tests have the build tag cluster, take
// some seconds once the servers are built, and need no root.
//
//	go test -tags cluster ./api
package api
