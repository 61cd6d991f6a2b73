// kaldi-native-fbank, without dither, on float samples from stdin: a line of numbers for each frame. See peers.py.
#include "kaldi-native-fbank/csrc/online-feature.h"

#include <cstdio>
#include <cstdlib>

int main(int count, char **word) {
    static float sample[1 << 20];
    knf::FbankOptions o;
    if (count != 11) return 2;
    o.frame_opts.dither = 0;
    o.frame_opts.samp_freq = atof(word[1]);
    o.frame_opts.frame_length_ms = atof(word[2]);
    o.frame_opts.frame_shift_ms = atof(word[3]);
    o.mel_opts.num_bins = atoi(word[4]);
    o.mel_opts.low_freq = atof(word[5]);
    o.mel_opts.high_freq = atof(word[6]);
    o.frame_opts.window_type = word[7];
    o.frame_opts.snip_edges = atoi(word[8]) != 0;
    o.frame_opts.preemph_coeff = atof(word[9]);
    o.use_energy = atoi(word[10]) != 0;
    const size_t samples = fread(sample, sizeof *sample, 1 << 20, stdin);
    knf::OnlineFbank features(o);
    features.AcceptWaveform(o.frame_opts.samp_freq, sample, samples);
    features.InputFinished();
    for (int t = 0; t < features.NumFramesReady(); t++)
        for (int k = 0; k < features.Dim(); k++)
            printf("%.9g%c", features.GetFrame(t)[k], k + 1 < features.Dim() ? ' ' : '\n');
    return 0;
}
