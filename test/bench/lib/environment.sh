# Sourced by test/bench/train and test/bench/methods: Debian's packages, the peers' virtual environments,
# the private cluster.  Expects top, work and envs; peers says which environments.

packages=(gcc make libc6-dev libopenblas0-pthread util-linux python3-venv python3-numpy python3-sklearn
	python3-torch python3-matplotlib dataset-fashion-mnist)
if ! command -v pg_config >/dev/null || [ ! -e "$(pg_config --pgxs)" ]; then
	packages+=(postgresql-server-dev-all postgresql)
fi
missing=()
for package in "${packages[@]}"; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
	sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	# no default cluster is made for our sake
	$sudo mkdir -p /etc/postgresql-common/createcluster.d
	[ -e /etc/postgresql-common/createcluster.conf ] ||
		echo 'create_main_cluster = false' | $sudo tee /etc/postgresql-common/createcluster.d/dml.conf >/dev/null
	$sudo apt-get update -q
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

mkdir -p "$work" "$envs"
environment() {			# folder, options of venv, packages; the stamp says that it is complete
	local folder=$1 options=$2
	shift 2
	[ -e "$folder/complete" ] && return
	/usr/bin/python3 -m venv $options "$folder"
	"$folder/bin/pip" install -q "$@"
	touch "$folder/complete"
}
# the driver needs metric-learn, which needs Debian's scikit-learn: newer ones it cannot call
environment "$envs/peer-debian" --system-site-packages 'numpy<2' pytorch-metric-learning metric-learn 'psycopg[binary]'
case ,$peers, in
*,pypi,*) environment "$envs/peer-pypi" "" torch pytorch-metric-learning 'psycopg[binary]' ;;
esac

test/private start
trap 'test/private stop' EXIT
eval "$(test/private env)"
export BENCH_CONNECT="host=$PGHOST user=$PGUSER dbname=postgres"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
