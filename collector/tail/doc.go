// Package tail gathers spans into traces and shows each trace once it has gone
// quiet: as a tree on a terminal, or as a line of JSON.
//
//	frames ─► Tail.Put ─► open traces ─► quiet? ─► View: Terminal │ JSON
//
// It is for people who watch. What it holds is bounded whatever comes in: what
// is too much to keep or to read is counted instead of shown, and every span
// that was put in is open, shown or counted as not shown.
package tail
