package web

import (
	"fmt"
	"strings"
)

const (
	// smuggled is a request that the proxy must not take for a body if the
	// issuer takes it for a request.
	smuggled = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\nX-Id: smuggled\r\n\r\n"
	// unfinished is one that would swallow the next request on its connection.
	unfinished = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\nX-Id: smuggled\r\nX-Rest: "
)

// smugglingAttacks returns the bytes of requests that servers may divide in
// different ways, by name.
func smugglingAttacks() map[string]string {
	const form = "Content-Type: application/x-www-form-urlencoded\r\n"
	old := func(request string) string { return strings.Replace(request, "HTTP/1.1", "HTTP/1.0", 1) }
	get := func(method, header, body string) string {
		return method + " /livez HTTP/1.1\r\nHost: x\r\nX-Id: attack\r\n" + header + "\r\n" + body
	}
	post := func(header, body string) string {
		return "POST /oauth2/revoke HTTP/1.1\r\nHost: x\r\nX-Id: attack\r\n" + form + header + "\r\n" + body
	}
	length := func(body string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(body)) }
	chunk := func(data string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(data), data) }
	const last, chunked = "0\r\n\r\n", "Transfer-Encoding: chunked\r\n"

	all := map[string]string{
		"chunked body":             post(chunked, chunk(smuggled)+last),
		"body":                     post(length(smuggled), smuggled),
		"two lengths":              post("Content-Length: 0\r\n"+length(smuggled), smuggled),
		"two lengths, other order": post(length(smuggled)+"Content-Length: 0\r\n", smuggled),
		"two equal lengths":        post(length(smuggled)+length(smuggled), smuggled),
		"list of lengths":          post(fmt.Sprintf("Content-Length: 0, %d\r\n", len(smuggled)), smuggled),
		"length with a plus":       post(fmt.Sprintf("Content-Length: +%d\r\n", len(smuggled)), smuggled),
		"length with zeros":        post(fmt.Sprintf("Content-Length: 000%d\r\n", len(smuggled)), smuggled),
		"length in hexadecimal":    post(fmt.Sprintf("Content-Length: 0x%x\r\n", len(smuggled)), smuggled),
		"length with a space":      post(fmt.Sprintf("Content-Length : %d\r\n", len(smuggled)), smuggled),
		"folded length":            post(fmt.Sprintf("Content-Length:\r\n %d\r\n", len(smuggled)), smuggled),
		"folded second digit":      post("Content-Length: 0\r\n "+fmt.Sprint(len(smuggled))+"\r\n", smuggled),
		"length in a folded line":  post("X: y\r\n "+length(smuggled), smuggled),
		"length after a bare LF":   post("X: y\n"+length(smuggled), smuggled),
		"length after a bare CR":   post("X: y\r"+length(smuggled), smuggled),
		"length is hop by hop":     post("Connection: content-length\r\n"+length(smuggled), smuggled),
		"length with an underline": post(strings.Replace(length(smuggled), "-", "_", 1), smuggled),
		"negative length":          post("Content-Length: -1\r\n", smuggled),
		"very large length":        post("Content-Length: 18446744073709551616\r\n", smuggled),
		"bare LF":                  strings.ReplaceAll(post(length(smuggled), ""), "\r\n", "\n") + smuggled,
		"bare LF, chunked":         strings.ReplaceAll(post(chunked, chunk(smuggled)+last), "\r\n", "\n"),
		"body of GET":              get("GET", length(smuggled), smuggled),
		"chunked body of GET":      get("GET", chunked, chunk(smuggled)+last),
		"body of HEAD":             get("HEAD", length(smuggled), smuggled),
		"body that is not read":    post(form+chunked, chunk(smuggled)+last), // two content types
		"body of a malformed path": strings.Replace(post(length(smuggled), smuggled), "revoke", "revoke%00", 1),
		"HTTP/1.0, chunked":        old(post("Connection: keep-alive\r\n"+chunked, chunk(smuggled)+last)),
		"HTTP/1.0, both": old(
			post("Connection: keep-alive\r\n"+chunked+"Content-Length: 5\r\n", last+smuggled)),
		"chunked is hop by hop": post("Connection: transfer-encoding\r\n"+chunked, chunk(smuggled)+last),
		"continue":              post("Expect: 100-continue\r\n"+length(smuggled), smuggled),
		"upgrade":               post("Connection: Upgrade\r\nUpgrade: h2c\r\n"+length(smuggled), smuggled),
		"absolute target":       strings.Replace(post(length(smuggled), smuggled), "/oauth2", "http://y/oauth2", 1),

		"chunk extension":            post(chunked, strings.Replace(chunk(smuggled), "\r\n", ";a=b\r\n", 1)+last),
		"chunk extension, last":      post(chunked, "0;a=b\r\n\r\n"+smuggled),
		"chunk extension, bare LF":   post(chunked, "2;\nxx\r\n"+chunk(smuggled)+last),
		"chunk extension, bare CR":   post(chunked, "2;\rxx\r\n"+chunk(smuggled)+last),
		"chunk extension, quoted":    post(chunked, "1;a=\"\r\nx\r\n0\r\n\r\n"+smuggled+"\"\r\nx\r\n"+last),
		"chunk size, bare LF":        post(chunked, fmt.Sprintf("%x\n%s\n0\n\n", len(smuggled), smuggled)),
		"chunk size, space":          post(chunked, strings.Replace(chunk(smuggled), "\r\n", " \r\n", 1)+last),
		"chunk size, prefix":         post(chunked, "0x"+chunk(smuggled)+last),
		"chunk size, plus":           post(chunked, "+"+chunk(smuggled)+last),
		"chunk size, underline":      post(chunked, "0_"+chunk(smuggled)+last),
		"chunk size, overflow":       post(chunked, "10000000000000000"+chunk(smuggled)+last),
		"chunk size, negative":       post(chunked, "-1\r\n"+smuggled),
		"chunk size, zeros":          post(chunked, "0000000"+chunk(smuggled)+last),
		"chunk longer than its size": post(chunked, "1\r\nxx"+last+smuggled),
		"chunk without line end":     post(chunked, "1\r\nx"+last+smuggled),
		"last chunk, bare LF":        post(chunked, "0\n\n"+smuggled),
		"last chunk, one line end":   post(chunked, "0\r\n"+smuggled),
		"trailer":                    post(chunked, "0\r\nX: y\r\n\r\n"+smuggled),
		"trailer with a length":      post(chunked, "0\r\n"+length(smuggled)+"\r\n"+smuggled),
		"trailer, bare LF":           post(chunked, "0\r\nX: y\n\n"+smuggled),
		"trailer, bare CR":           post(chunked, "0\r\nX: y\r\rX: z\r\n\r\n"+smuggled),
	}

	// A server that sees the length reads another body than one that sees the
	// coding. Each form of the header hides the coding from some servers.
	for name, coding := range map[string]string{
		"plain":                  chunked,
		"other":                  "Transfer-Encoding: xchunked\r\n",
		"capitals":               "TRANSFER-ENCODING: CHUNKED\r\n",
		"space before the colon": "Transfer-Encoding : chunked\r\n",
		"no space":               "Transfer-Encoding:chunked\r\n",
		"tab":                    "Transfer-Encoding:\tchunked\r\n",
		"vertical tab":           "Transfer-Encoding:\x0bchunked\r\n",
		"form feed":              "Transfer-Encoding: chunked\x0c\r\n",
		"space at the end":       "Transfer-Encoding: chunked \r\n",
		"folded":                 "Transfer-Encoding:\r\n chunked\r\n",
		"folded by bare LF":      "Transfer-Encoding:\n chunked\r\n",
		"folded by tab":          "Transfer-Encoding:\r\n\tchunked\r\n",
		"in a folded line":       "X: y\r\n Transfer-Encoding: chunked\r\n",
		"identity first":         "Transfer-Encoding: identity\r\n" + chunked,
		"identity last":          chunked + "Transfer-Encoding: identity\r\n",
		"twice":                  chunked + chunked,
		"list with identity":     "Transfer-Encoding: identity, chunked\r\n",
		"list, chunked first":    "Transfer-Encoding: chunked, identity\r\n",
		"list with gzip":         "Transfer-Encoding: gzip, chunked\r\n",
		"quoted":                 "Transfer-Encoding: \"chunked\"\r\n",
		"parameter":              "Transfer-Encoding: chunked;q=1\r\n",
		"comma":                  "Transfer-Encoding: ,chunked\r\n",
		"empty":                  "Transfer-Encoding:\r\n",
		"underline":              "Transfer_Encoding: chunked\r\n",
		"after bare LF":          "X: y\n" + chunked,
		"after bare CR":          "X: y\r" + chunked,
		"after CR CR":            "X: y\r\r\n" + chunked,
		"NUL":                    "Transfer-Encoding: chunked\x00\r\n",
		"NUL before":             "X: y\x00" + chunked,
		"letter":                 "Transfer-Encoding: chunKed\r\n",
		"control in the name":    "Transfer\x01-Encoding: chunked\r\n",
		"not ASCII":              "Transfer-Encoding: chun\u212aed\r\n",
		"space before the name":  " Transfer-Encoding: chunked\r\n",
	} {
		body := last + smuggled
		all["length or coding, "+name] = post(length(body)+coding, body)
		all["coding or length, "+name] = post(coding+length(body), body)
		body = chunk(smuggled)
		all["short length, "+name] = post("Content-Length: 4\r\n"+coding, body+last)
		all["short length last, "+name] = post(coding+"Content-Length: 4\r\n", body+last)
		all["coding alone, "+name] = post(coding, body+last)
		body = last + unfinished
		all["unfinished, "+name] = post(length(body)+coding, body)
	}
	return all
}
