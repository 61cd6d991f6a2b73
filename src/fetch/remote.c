// The data sets that can be downloaded: where from, and by what they are recognised.
//
// Where the checksums come from. Size and SHA-256: TensorFlow Datasets (the checksum files of its cifar10,
// speech_commands and fashion_mnist). speech_commands_v0.01 is not there: its SHA-256 is torchaudio's
// (datasets/speechcommands.py, whose value for v0.02 is TensorFlow's too), its size what the server says. MD5: the
// pages of the authors, www.cs.toronto.edu/~kriz/cifar.html and github.com/zalandoresearch/fashion-mnist.
#include "fetch/remote.h"

#include <string.h>

#define SPEECH "https://storage.googleapis.com/download.tensorflow.org/data/"

static const cv_remote remotes[] = {
    // GitHub makes this archive when it is asked for, so it has no checksum that lasts. Its address is the commit of
    // tag v1.0.10, which is a hash of the contents; and it has to hold exactly the 3,000 WAV files, of 44 + 2 * samples
    // bytes each, that the FLAC files in data/fsdd were made from.
    {
        .name = "fsdd",
        .from = {"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/"},
        .file = {{.name = "d6938f9bf1545aa66d8489fc9f1385a7abd64282.tar.gz"}},
        .inside = "free-spoken-digit-dataset-d6938f9bf1545aa66d8489fc9f1385a7abd64282/recordings/",
        .files = 3000,
        .unpacked = 21128848,
        .exact = true,
    },
    {
        .name = "speech-commands-v1",
        .from = {SPEECH},
        .file = {{"speech_commands_v0.01.tar.gz", 1489096277,
                  "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d", NULL}},
        .inside = "",
        .files = 64737,
        .unpacked = 2100000000,
    },
    {
        .name = "speech-commands-v2",
        .from = {SPEECH},
        .file = {{"speech_commands_v0.02.tar.gz", 2428923189,
                  "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58", NULL}},
        .inside = "",
        .files = 105839,
        .unpacked = 3400000000,
    },
    {
        .name = "cifar-10",
        .from = {"https://www.cs.toronto.edu/~kriz/"},
        .file = {{"cifar-10-binary.tar.gz", 170052171,
                  "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                  "c32a1d4ab5d03f1284b67883e8d87530"}},
        .inside = "cifar-10-batches-bin/",
        .files = 8,
        .unpacked = 184380000,
    },
    // The authors name the second address, which has no TLS; the first is the same store with it.
    {
        .name = "fashion-mnist",
        .from = {"https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
                 "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
        .file =
            {{"train-images-idx3-ubyte.gz", 26421880,
              "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
             {"train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
              "25c81989df183df01b3e8a0aad5dffbe"},
             {"t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
              "bef4ecab320f06d8554ea6380940ec79"},
             {"t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
              "bb300cfdad3c16e7a12a480ee83cd310"}},
        .inside = "",
        .files = 4,
        .unpacked = 54950048,
    },
};

const cv_remote *cv_remote_at(size_t k) {
    return k < CV_COUNT(remotes) ? &remotes[k] : NULL;
}

const cv_remote *cv_remote_find(const char *name) {
    for (size_t k = 0; k < CV_COUNT(remotes); k++)
        if (strcmp(remotes[k].name, name) == 0) return &remotes[k];
    return NULL;
}
