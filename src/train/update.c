#include "train/update.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Numbers of the parameters that one task sums and updates: they stay in the first cache.
enum { CHUNK = 2048 };

typedef struct piece {
    size_t first, count;
    bool spared; // by weight decay
} piece;

struct cv_updater {
    const cv_training *t;
    cv_train_state *s;
    cv_runner *runner;
    cv_optimizer_config without_decay;
    double rate;
    piece *piece; // the numbers that are updated
    int pieces;
    size_t room;
    float *gradient; // [trained] of the whole step, where it must be known before it is used; NULL: elsewhere
    double *squares; // [pieces] of it
    double factor;   // the gradient is multiplied by it
    double weight;   // of the batch at hand
    double total;    // of the batches so far
    double decay;    // of the moving average
};

// --- what is updated ----------------------------------------------------------------------------------------------

// As is customary (timm, nanoGPT): what has fewer than two dimensions, and what scales or shifts, which starts at 1 or
// 0.
static bool is_spared(const cv_updater *u, const cv_net_tensor *t) {
    return u->t->optimizer_config.decays == CV_DECAYS_WEIGHTS &&
           (t->spec.dims < 2 || t->spec.init == CV_INIT_ONE || t->spec.init == CV_INIT_ZERO);
}

static bool add_pieces(cv_updater *u, size_t first, size_t end, bool spared) {
    for (; first < end; first += CHUNK) {
        if (!cv_grow(&u->piece, &u->room, (size_t)u->pieces + 1, sizeof *u->piece)) return false;
        u->piece[u->pieces++] = (piece){first, end - first < CHUNK ? end - first : CHUNK, spared};
    }
    return true;
}

// All trained numbers but those of frozen layers and those that are updated on the way. Tensors lie one behind the
// other, in the order of the net, with gaps: one that ends a run has no gradient.
static bool list_pieces(cv_updater *u) {
    const cv_net *net = u->t->net;
    size_t first = 0, end = 0; // of a run of tensors
    bool fits = true, spared = false;
    for (int i = 0; i < net->nodes; i++)
        for (int t = net->node[i].tensor; t < net->node[i].tensor + net->node[i].tensors; t++) {
            const cv_net_tensor *tensor = &net->tensor[t];
            if (tensor->spec.buffer) continue;
            const bool used = !net->node[i].frozen && cv_runner_keeps_gradient(u->runner, tensor->offset);
            if (!used || spared != is_spared(u, tensor)) {
                fits = fits && add_pieces(u, first, end, spared);
                first = end;
            }
            if (!used) continue;
            if (first == end) first = tensor->offset;
            end = tensor->offset + tensor->size;
            spared = is_spared(u, tensor);
        }
    return fits && add_pieces(u, first, end, spared);
}

// --- the optimiser ------------------------------------------------------------------------------------------------

static void apply(const cv_updater *u, size_t first, size_t count, bool spared, const float *gradient) {
    const cv_training *t = u->t;
    float *moment[2] = {NULL, NULL};
    for (int k = 0; k < 2 && u->s->moment[k]; k++) moment[k] = u->s->moment[k] + first;
    t->optimizer->update(spared ? &u->without_decay : &t->optimizer_config, u->rate, u->s->steps + 1, count,
                         (float *)t->net->values + first, gradient, moment);
}

// torch.nn.utils.clip_grad_norm_, whose factor is known by now, and clip_grad_value_.
static void apply_clipped(const cv_updater *u, piece p, const float *gradient) {
    const float factor = (float)u->factor, most = (float)u->t->config.clip_value;
    float clipped[CHUNK];
    if (u->factor == 1 && most == 0) {
        apply(u, p.first, p.count, p.spared, gradient);
        return;
    }
    for (size_t i = 0; i < p.count; i++) {
        const float g = gradient[i] * factor;
        clipped[i] = most == 0 || (g <= most && g >= -most) ? g : g > most ? most : g < -most ? -most : g;
    }
    apply(u, p.first, p.count, p.spared, clipped);
}

// Numbers of one tensor, on the way back through the net.
static void use_gradient(void *context, size_t first, size_t count, const float *gradient) {
    const cv_updater *u = context;
    const cv_net_tensor *tensor = u->t->net->tensor;
    while (first >= tensor->offset + tensor->size || first < tensor->offset) tensor++;
    const bool spared = is_spared(u, tensor), plain = u->factor == 1 && u->t->config.clip_value == 0;
    for (size_t done = 0, n; done < count; done += n) {
        n = plain || count - done < CHUNK ? count - done : CHUNK;
        apply_clipped(u, (piece){first + done, n, spared}, gradient + done);
    }
}

static void update_piece(void *context, int task, int worker) {
    const cv_updater *u = context;
    const piece p = u->piece[task];
    float room[CHUNK];
    (void)worker;
    apply_clipped(u, p, u->gradient ? u->gradient + p.first : cv_runner_gradient(u->runner, p.first, p.count, room));
}

// --- the gradient of several batches, and its norm ----------------------------------------------------------------

static void sum_piece(void *context, int task, int worker) {
    const cv_updater *u = context;
    const piece p = u->piece[task];
    float room[CHUNK], *sum = u->gradient + p.first;
    const float *gradient = cv_runner_gradient(u->runner, p.first, p.count, room), weight = (float)u->weight;
    (void)worker;
    if (u->total > 0)
        for (size_t i = 0; i < p.count; i++) sum[i] += weight * gradient[i];
    else
        for (size_t i = 0; i < p.count; i++) sum[i] = weight * gradient[i];
}

static void square_piece(void *context, int task, int worker) {
    const cv_updater *u = context;
    const piece p = u->piece[task];
    double sum = 0;
    (void)worker;
    for (size_t i = 0; i < p.count; i++) sum += (double)u->gradient[p.first + i] * (double)u->gradient[p.first + i];
    u->squares[task] = sum;
}

static double norm_of_gradient(cv_updater *u) {
    double sum = 0;
    cv_pool_run(u->t->pool, u->pieces, square_piece, u);
    for (int k = 0; k < u->pieces; k++) sum += u->squares[k];
    return sqrt(sum);
}

// --- the moving average -------------------------------------------------------------------------------------------

static void average_chunk(void *context, int task, int worker) {
    const cv_updater *u = context;
    const size_t first = (size_t)task * CHUNK,
                 end = first + CHUNK < u->t->net->total ? first + CHUNK : u->t->net->total;
    const float *value = u->t->net->values, keep = (float)u->decay, take = (float)(1 - u->decay);
    float *average = u->s->average;
    (void)worker;
    for (size_t i = first; i < end; i++) average[i] = keep * average[i] + take * value[i];
}

// torch.optim.swa_utils.AveragedModel(net, avg_fn=lambda a, w, n: decay * a + (1 - decay) * w, use_buffers=True): the
// first step's values start it. The running estimates of batch norm are averaged too, what counts is copied.
static void move_average(cv_updater *u) {
    const cv_net *net = u->t->net;
    const double steps = (double)u->s->steps, rising = (1 + steps) / (10 + steps);
    if (!u->s->average) return;
    u->decay = u->s->steps == 0 ? 0 : u->t->config.ema;
    if (u->t->config.ema_warmup && rising < u->decay) u->decay = rising;
    cv_pool_run(u->t->pool, (int)((net->total + CHUNK - 1) / CHUNK), average_chunk, u);
    for (int t = 0; t < net->tensors; t++)
        if (net->tensor[t].spec.integer)
            memcpy(u->s->average + net->tensor[t].offset, (const float *)net->values + net->tensor[t].offset,
                   net->tensor[t].size * sizeof(float));
}

void cv_updater_swap(cv_updater *u) {
    float *value = u->t->net->values, *average = u->s->average;
    for (size_t i = 0; average && i < u->t->net->total; i++) {
        const float v = value[i];
        value[i] = average[i];
        average[i] = v;
    }
}

// --- a step -------------------------------------------------------------------------------------------------------

void cv_updater_begin(cv_updater *u, double learning_rate) {
    u->rate = learning_rate;
    u->factor = 1;
    u->total = 0;
}

void cv_updater_add(cv_updater *u, double weight) {
    u->weight = u->t->config.accumulate > 1 ? weight : 1;
    if (u->gradient) cv_pool_run(u->t->pool, u->pieces, sum_piece, u);
    u->total += u->weight;
}

void cv_updater_end(cv_updater *u) {
    const double clip_norm = u->t->config.clip_norm;
    if (u->total > 0) u->factor = 1 / u->total;
    if (clip_norm > 0) u->factor *= fmin(1, clip_norm / (norm_of_gradient(u) * u->factor + 1e-6));
    cv_pool_run(u->t->pool, u->pieces, update_piece, u);
    move_average(u);
}

convo_status cv_updater_new(const cv_training *t, cv_train_state *s, cv_runner *runner, cv_updater **updater,
                            convo_error *err) {
    cv_updater *u = cv_alloc(1, sizeof *u);
    if (!u) return cv_no_memory(err, "the pieces of an update");
    *u = (cv_updater){.t = t, .s = s, .runner = runner, .without_decay = t->optimizer_config};
    u->without_decay.weight_decay = 0;
    const bool whole = t->config.clip_norm > 0 || t->config.accumulate > 1;
    if (!whole) cv_runner_use_gradients(runner, use_gradient, u);
    bool fits = list_pieces(u);
    if (whole) fits = fits && (u->gradient = cv_alloc_aligned(t->net->trained + 1, sizeof *u->gradient));
    fits = fits && (u->squares = cv_alloc((size_t)u->pieces + 1, sizeof *u->squares));
    if (fits) {
        *updater = u;
        return CONVO_OK;
    }
    cv_updater_free(u);
    return cv_no_memory(err, "the pieces of an update");
}

void cv_updater_free(cv_updater *u) {
    if (!u) return;
    free(u->piece);
    free(u->gradient);
    free(u->squares);
    free(u);
}
