package baseline

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"github.com/signetd/signet/internal/pgtest"
)

// RotationRows is the number of rows that pgbench updates.
const RotationRows = 10_000

// rotationScript is one refresh as a single statement, with only the necessary
// work: find the active grant, rotate it, and read what the next access token
// contains.
const rotationScript = `\set n random(1, 10000)
UPDATE rotation SET generation = generation + 1, key_hash = '\x00112233445566778899aabbccddeeff', moved_at = now()
WHERE id = lpad(to_hex(:n::int), 32, '0')::uuid AND revoked_at IS NULL AND expires_at > now()
RETURNING user_id, scope, audience;
`

// CreateRotationTable are the statements that create the table that PGBench
// updates. The table has the columns and indexes of the grants table.
var CreateRotationTable = []string{
	`CREATE TABLE rotation (LIKE grants INCLUDING ALL)`,
	`INSERT INTO rotation SELECT lpad(to_hex(n), 32, '0')::uuid, 'usr_' || n, 'lab', 0, NULL, '0123456789abcdef',
	now(), 3600, now() + interval '30 days', NULL, NULL, '', 'read write', ARRAY['https://eddsa.example'], now(),
	ARRAY['pwd'], '', '', now(), NULL FROM generate_series(1, 10000) n`,
	`VACUUM ANALYZE rotation`,
}

var (
	pgbenchRate    = regexp.MustCompile(`tps = ([0-9.]+)`)
	pgbenchLatency = regexp.MustCompile(`latency average = ([0-9.]+) ms`)
)

// PGBench runs the rotation statement with that many clients. It returns the
// transactions per second and the average latency in milliseconds. It writes
// the script into scriptDir.
func PGBench(
	ctx context.Context, scriptDir, database string, clients int, duration time.Duration,
) (rate, ms float64, err error) {
	bin, err := pgtest.BinDir()
	if err != nil {
		return 0, 0, err
	}
	script := filepath.Join(scriptDir, "rotation.sql")
	if err := os.WriteFile(script, []byte(rotationScript), 0o600); err != nil {
		return 0, 0, err
	}

	threads, seconds := min(clients, runtime.NumCPU()), max(1, int(duration.Seconds()))
	c := exec.CommandContext(ctx, filepath.Join(bin, "pgbench"), "-n", "-M", "prepared", "-f", script,
		"-c", strconv.Itoa(clients), "-j", strconv.Itoa(threads), "-T", strconv.Itoa(seconds), database)
	out, err := c.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}

	if rate, err = parseFigure(pgbenchRate, out); err == nil {
		ms, err = parseFigure(pgbenchLatency, out)
	}
	return rate, ms, err
}
