// Package apiserver asks an API server, as whoever calls the program: with their
// kubeconfig, or a pod's own account. It only reads. What is refused is an error
// that names the permission which would do.
package apiserver
