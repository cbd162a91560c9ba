"""A tf.distribute strategy from one word, and what Keras cannot do under it."""

import tensorflow as tf

from tfadv.errors import TfadvError, invalid


def strategy(devices="auto"):
    """The strategy for `devices`: one of `"auto"`, `"cpu"`, `"gpu"` or a number of devices.

    `auto` takes all GPUs, or the CPU if there is none. Several devices are mirrored: each takes a part of every
    batch. A number counts GPUs if there are any, else logical CPUs.

    Make it once per process and build the model inside `strategy.scope()`.

    Raises:
        TfadvError: for another word, and where there are fewer devices.

    >>> strategy("cpu").num_replicas_in_sync
    1
    """
    devices = str(devices).lower()
    gpus, cpus = tf.config.list_logical_devices("GPU"), tf.config.list_logical_devices("CPU")
    if devices == "auto":
        return _over(gpus or cpus[:1])
    if devices == "cpu":
        return _over(cpus[:1])
    if devices == "gpu":
        if not gpus:
            raise TfadvError("there is no GPU that TensorFlow can use; run `tfadv doctor`, or use --devices cpu.")
        return _over(gpus)
    if not devices.isdigit() or int(devices) < 1:
        raise invalid("devices", "auto, cpu, gpu or a number of at least 1", repr(devices))
    return _first(int(devices), gpus or cpus)


def _first(number, devices):
    if number > len(devices):
        kind = devices[0].device_type
        raise invalid(
            "devices",
            f"at most {len(devices)}, the {kind}s that TensorFlow sees",
            number,
            "run `tfadv doctor`.",
        )
    return _over(devices[:number])


def _over(devices):
    names = [device.name for device in devices]
    if len(names) == 1:
        first = (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))[0].name
        return tf.distribute.get_strategy() if names[0] == first else tf.distribute.OneDeviceStrategy(names[0])
    # NCCL knows GPUs only; the reduction to one device also lets several strategies live in one process.
    reduction = None if "GPU" in names[0] else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(names, cross_device_ops=reduction)


def check(strategy, model, batch_size=None, **compile_options):
    """Refuse what Keras 3 cannot do on several replicas, before it fails with an unclear message.

    Args:
        compile_options: steps_per_execution, jit_compile, gradient_accumulation_steps, as given to Keras.

    Raises:
        TfadvError: naming the option; also for a model built outside the scope and for a batch that does not divide.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return
    wanted = {
        "steps_per_execution": (1, None),
        "jit_compile": (False, "auto", None),
        "gradient_accumulation_steps": (None,),
    }
    for option, value in compile_options.items():
        if value not in wanted[option]:
            raise TfadvError(f"{option}={value!r} does not work on {replicas} devices in Keras 3; leave it out.")
    if batch_size is not None and batch_size % replicas:
        raise invalid("batch size", f"a multiple of {replicas}, the number of devices", batch_size)
    if not all(strategy.extended.variable_created_in_scope(v.value) for v in model.variables):
        raise TfadvError("the model was not built for these devices: build or load it inside strategy.scope().")
