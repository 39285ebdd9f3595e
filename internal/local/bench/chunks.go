package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// chunks reads the body of a request in the encoding aws-chunked, in which clients of S3 send a checksum behind what it is
// of: size in hexadecimal, CRLF, that many bytes, CRLF, and so on; a size of 0 ends the body, trailers follow (Amazon S3
// API, "Signature calculation: transferring payload in multiple chunks"). The checksum is not looked at.
type chunks struct {
	r      *bufio.Reader
	inside bool  // of a chunk: its end comes before the next one's length
	left   int64 // of the chunk
	err    error // the first; io.EOF after the last chunk
}

func newChunks(r io.Reader) *chunks { return &chunks{r: bufio.NewReaderSize(r, 64<<10)} }

// Read reads from one chunk at a time.
func (c *chunks) Read(p []byte) (int, error) {
	if err := c.next(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next finds the chunk that the reader is in, and gives io.EOF behind the last one.
func (c *chunks) next() error {
	for c.left == 0 && c.err == nil {
		c.err = c.begin()
	}
	return c.err
}

// begin reads the line in front of a chunk, and the end of the one before.
func (c *chunks) begin() error {
	if c.inside {
		if _, err := c.r.Discard(len("\r\n")); err != nil {
			return io.ErrUnexpectedEOF
		}
	}
	line, err := c.r.ReadString('\n')
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	digits, _, _ := strings.Cut(strings.TrimSpace(line), ";")
	size, err := strconv.ParseUint(digits, 16, 63)
	if err != nil {
		return fmt.Errorf("the length of a chunk: %w", err)
	}
	if c.left, c.inside = int64(size), true; size > 0 {
		return nil
	}
	if _, err := io.Copy(io.Discard, c.r); err != nil { // the trailers
		return err
	}
	return io.EOF
}
