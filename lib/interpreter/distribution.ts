// Modules whose distribution has another name.
const DISTRIBUTIONS: Readonly<Record<string, string>> = {
  PIL: "pillow",
  bs4: "beautifulsoup4",
  cv2: "opencv-python",
  dateutil: "python-dateutil",
  skimage: "scikit-image",
  sklearn: "scikit-learn",
  yaml: "PyYAML",
};

/** Name under which the package of a module is installed, such as `scikit-learn` for `sklearn.linear_model`. */
export function distributionOf(module: string): string {
  const root = module.split(".")[0] ?? module;
  return DISTRIBUTIONS[root] ?? root;
}

/** The command that installs the package of a module for an interpreter. */
export function installCommand(module: string, executable: string): string {
  return `${executable} -m pip install ${distributionOf(module)}`;
}
