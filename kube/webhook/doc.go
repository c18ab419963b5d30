// Package webhook answers the API server, which asks about every pod that is to be
// made. What the answer is, is package inject's decision; here are the server, the
// reading of questions, and the object by which API servers know of both.
//
// It never refuses a pod. Whatever goes wrong, the answer is yes with no change, and
// API servers are told to go on if there is none.
package webhook
