"""Predictions of a whole run from the `.pred` files of its instances."""

from pathlib import Path

from tracesmith import files, records
from tracesmith.errors import InputError


def merge(folder: Path, output: Path) -> None:
    """
    Write preds.json from every `<id>/<id>.pred` of a trajectory folder, sorted by id.

    Raises InputError when there is none, or one that is malformed or in the folder of another instance.
    """
    found = sorted(folder.glob("[!.]*/*.pred"))
    if not found:
        raise InputError(f"{folder}: no .pred file in its folders; is it the output folder of SWE-agent?")
    merged = {}
    for path in found:
        prediction = records.check_prediction(files.read_json(path), str(path))
        if prediction["instance_id"] != path.stem:
            raise InputError(f"{path}: holds the prediction of {prediction['instance_id']}")
        if path.stem in merged:
            raise InputError(f"{path}: there is another prediction of {path.stem} in the folder")
        merged[path.stem] = prediction
    files.write_json(output, merged)
