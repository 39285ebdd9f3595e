package engine

import (
	"cmp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Env is what a client of the engine (the AWS CLI, SAM, an SDK, our own code) needs in its environment, as NAME=value.
// The credentials are those of the account's root user, whom no policy binds.
func (e *Engine) Env() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + e.Endpoint,
		"AWS_ACCESS_KEY_ID=test",
		"AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"AWS_EC2_METADATA_DISABLED=true",
		"SAM_CLI_TELEMETRY=0",
	}
}

// environment is the engine's own environment. It is not ours: ministack hands all of it to every function, and on AWS a
// function sees nothing of the machine it was deployed from.
func environment(dir, endpoint string, o Options) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + dir,
		"TMPDIR=" + filepath.Join(dir, "tmp"), // function code, sockets and the pid file go there
		"STATE_DIR=" + filepath.Join(dir, "state"),
		"S3_DATA_DIR=" + filepath.Join(dir, "s3"),
		"PYTHONUNBUFFERED=1",
		"DOCKER_HOST=unix://" + filepath.Join(dir, "no-docker.sock"), // it would sweep the machine's containers
		"GATEWAY_PORT=" + endpoint[strings.LastIndex(endpoint, ":")+1:],
		"BIND_HOST=127.0.0.1",
		"MINISTACK_ACCOUNT_ID=" + AccountID,
		"MINISTACK_REGION=" + Region,
		"IOT_MTLS_ENABLED=0",
		"SFTP_ENABLED=0",
		"AUTH=" + strconv.FormatBool(!o.NoAuth),
		"AWS_ENDPOINT_URL=" + cmp.Or(o.FunctionsEndpoint, endpoint), // without it the functions would call the real AWS
		"AWS_ACCESS_KEY_ID=test",
		"AWS_SECRET_ACCESS_KEY=test",
		"AWS_EC2_METADATA_DISABLED=true",
		"ALARM_TICK=" + strconv.FormatFloat(cmp.Or(o.AlarmTick, 2*time.Second).Seconds(), 'f', -1, 64),
		"ENGINE_WITHOUT=" + strings.Join(o.Without, ","),
		"ENGINE_RUNTIME_API=" + o.RuntimeAPI,
	}
	if o.Attached {
		env = append(env, "ENGINE_ATTACHED=1")
	}
	return env
}
