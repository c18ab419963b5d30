//go:build !linux

// Package volume needs Linux's mounts.
package volume
