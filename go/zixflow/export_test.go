package zixflow

import "net/http"

// Keys are the library's options that an option sets.
func Keys(option Option) []string {
	settings, _ := gather([]Option{option})
	var keys []string
	for key := range settings.library {
		keys = append(keys, key)
	}
	return keys
}

// BoundProcess bounds the calls of all clients that are made until undo.
func BoundProcess(n int) (undo func()) {
	whole := processTurns
	processTurns = make(turns, n)
	return func() { processTurns = whole }
}

// StatsJSON returns the counts as the library has them.
func StatsJSON(client *Client) []byte {
	text, _ := client.statsJSON()
	return text
}

// Remember has a handler of post-backs remember no more than n keys.
func Remember(handler http.Handler, n int) { handler.(*postBackHandler).taken.most = n }

const DefaultTimeout = defaultTimeout
